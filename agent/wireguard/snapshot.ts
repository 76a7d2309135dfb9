import type { DeviceSnapshot, PeerSnapshot } from './configuration.ts';
import { isZero } from './crypto.ts';
import type { Peer } from './peer.ts';
import type { DeviceState } from './state.ts';
import { endpointOf } from './udp-address.ts';

/** A copy of everything that `get=1` tells. The receiver wipes the keys. */
export function snapshotOf(state: DeviceState): DeviceSnapshot {
  return {
    privateKey: state.own?.privateKey.slice() ?? null,
    publicKey: state.own?.publicKey.slice() ?? null,
    peers: Array.from(state.peers.values(), peerSnapshot),
    counters: state.counters.toRecord(),
  };
}

function peerSnapshot(peer: Peer): PeerSnapshot {
  return {
    publicKey: peer.publicKey.slice(),
    presharedKey: isZero(peer.presharedKey) ? null : peer.presharedKey.slice(),
    endpoint: peer.endpoint === null ? null : endpointOf(peer.endpoint),
    lastHandshake: peer.lastHandshake,
    rxBytes: peer.rxBytes,
    txBytes: peer.txBytes,
    persistentKeepalive: peer.timers.persistentInterval / 1000,
    allowedIps: [...peer.allowedIps.values()],
    drops: peer.drops.toRecord(),
  };
}
