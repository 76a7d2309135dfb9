import { WarrenError } from '../../shared/errors.ts';
import { KEY_LENGTH, keyToHex } from '../../shared/key.ts';
import { formatPrefix } from '../../shared/prefix.ts';
import type { DeviceChange, PeerChange, PeerEndpoint, StandInChange } from './configuration.ts';
import { MAX_CANDIDATES } from './constants.ts';
import { equalConstantTime, isZero } from './crypto.ts';
import { forgetIdentity, ownIdentity } from './identity.ts';
import type { Outbound } from './outbound.ts';
import type { Peer } from './peer.ts';
import type { DeviceState } from './state.ts';
import { UdpAddress } from './udp-address.ts';

/** Applies changes with the meaning of the UAPI's `set=1` (https://www.wireguard.com/xplatform/). */
export class Configurator {
  private readonly state: DeviceState;
  private readonly outbound: Outbound;

  constructor(state: DeviceState, outbound: Outbound) {
    this.state = state;
    this.outbound = outbound;
  }

  /** Throws `usage` for a key that has not 32 bytes, before anything is changed. */
  apply(change: DeviceChange, now: number): void {
    checkLengths(change);
    const { peers } = this.state;
    const touched = new Set<Peer>();
    if (change.privateKey !== undefined && this.setPrivateKey(change.privateKey)) {
      for (const peer of peers.values()) touched.add(peer);
    }
    if (change.replacePeers) this.removeAll();
    for (const peerChange of change.peers ?? []) {
      const peer = this.applyToPeer(peerChange, now);
      if (peer !== null) touched.add(peer);
    }
    if (change.standIns !== undefined) this.setStandIns(change.standIns);
    for (const peer of touched) {
      if (peers.get(keyToHex(peer.publicKey)) === peer) this.wake(peer, now);
    }
  }

  /**
   * Path discovery's word: datagrams to the peer go there from now on. What waited for a way goes out at once, an unanswered
   * initiation once more.
   */
  setPath(peer: Peer, path: UdpAddress, isDiverted: boolean, now: number): void {
    const isNew = !peer.endpoint?.equals(path) || peer.isDiverted !== isDiverted;
    peer.isDiverted = isDiverted;
    peer.endpointChosen = true;
    peer.endpointConfirmed = true;
    if (!isNew) return;
    peer.endpoint = path.clone();
    peer.heardFrom = null;
    this.state.followers.peerChanged(peer);
    if (peer.pending !== null) this.outbound.repeatInitiation(peer, path);
    this.wake(peer, now);
  }

  removeAll(): void {
    for (const peer of [...this.state.peers.values()]) this.remove(peer);
  }

  /** True if the key is another than before. */
  private setPrivateKey(privateKey: Uint8Array): boolean {
    const { state } = this;
    const own = isZero(privateKey) ? null : ownIdentity(privateKey);
    if (own !== null && state.own !== null && equalConstantTime(own.privateKey, state.own.privateKey)) {
      forgetIdentity(own);
      return false;
    }
    if (state.own !== null) forgetIdentity(state.own);
    state.own = own;
    // A device is no peer of its own.
    const self = own === null ? undefined : state.peer(own.publicKey);
    if (self !== undefined) this.remove(self);
    for (const peer of state.peers.values()) peer.setOwnIdentity(own);
    return true;
  }

  /** The peer, if it is there afterwards. */
  private applyToPeer(change: PeerChange, now: number): Peer | null {
    const { state } = this;
    if (state.own !== null && equalConstantTime(change.publicKey, state.own.publicKey)) return null;
    let peer = state.peer(change.publicKey);
    if (change.remove) {
      if (peer !== undefined) this.remove(peer);
      return null;
    }
    if (peer === undefined) {
      if (change.updateOnly) return null;
      peer = state.addPeer(change.publicKey);
    }
    if (change.presharedKey !== undefined) peer.presharedKey.set(change.presharedKey);
    if (change.endpoint !== undefined || change.candidates !== undefined) this.setEndpoints(peer, change);
    if (change.inGroup !== undefined) state.setGroup(peer, change.inGroup);
    if (change.persistentKeepalive !== undefined) {
      const interval = change.persistentKeepalive * 1000;
      if (interval !== peer.timers.persistentInterval) {
        peer.timers.setPersistentInterval(interval, now);
        peer.wantsKeepalive = interval > 0;
      }
    }
    if (change.replaceAllowedIps) this.clearAllowedIps(peer);
    for (const { prefix, remove } of change.allowedIps ?? []) {
      const text = formatPrefix(prefix);
      if (remove) {
        if (!state.allowedIps.remove(prefix, peer)) continue;
        peer.allowedIps.delete(text);
        state.followers.allowedIpChanged(peer, prefix, true);
        continue;
      }
      state.allowedIps.insert(prefix, peer)?.allowedIps.delete(text);
      peer.allowedIps.set(text, prefix);
      state.followers.allowedIpChanged(peer, prefix, false);
    }
    return peer;
  }

  private setStandIns(changes: readonly StandInChange[]): void {
    const { state } = this;
    const prefixes = changes.map(
      ({ prefix, publicKeys }) => [prefix, publicKeys.flatMap((key) => state.peer(key) ?? [])] as const,
    );
    state.allowedIps.setStandIns(prefixes.map(([prefix, peers]) => [prefix, new Set(peers)]));
    state.followers.standInsChanged(prefixes);
  }

  private setEndpoints(peer: Peer, change: PeerChange): void {
    const before = [...peer.reachableAt()];
    if (change.endpoint !== undefined) {
      const endpoint = udpAddress(change.endpoint);
      if (!peer.endpoint?.equals(endpoint)) {
        peer.endpoint = endpoint;
        peer.endpointConfirmed = false;
        this.state.followers.peerChanged(peer);
      }
    }
    if (change.candidates !== undefined) {
      peer.candidates = change.candidates.slice(0, MAX_CANDIDATES).map(udpAddress);
    }
    if (peer.endpointConfirmed) return;
    for (const target of peer.reachableAt()) {
      if (!before.some((known) => known.equals(target))) this.outbound.repeatInitiation(peer, target);
    }
  }

  /** Does what the change made possible: a first persistent keepalive, packets that waited for a key or an endpoint. */
  private wake(peer: Peer, now: number): void {
    if (this.state.own === null || !peer.isReachable) return;
    if (peer.wantsKeepalive) {
      peer.wantsKeepalive = false;
      this.outbound.sendKeepalive(peer, now);
    } else if (peer.staged.length > 0) this.outbound.sendStaged(peer, now);
  }

  private remove(peer: Peer): void {
    this.clearAllowedIps(peer);
    this.state.removePeer(peer);
  }

  private clearAllowedIps(peer: Peer): void {
    for (const prefix of peer.allowedIps.values()) {
      this.state.allowedIps.remove(prefix, peer);
      this.state.followers.allowedIpChanged(peer, prefix, true);
    }
    peer.allowedIps.clear();
  }
}

function udpAddress(endpoint: PeerEndpoint): UdpAddress {
  return UdpAddress.from(endpoint.address, endpoint.port, endpoint.scope);
}

function checkLengths(change: DeviceChange): void {
  const keys = [change.privateKey];
  for (const peer of change.peers ?? []) keys.push(peer.publicKey, peer.presharedKey);
  for (const { publicKeys } of change.standIns ?? []) keys.push(...publicKeys);
  for (const key of keys) {
    if (key === undefined || key.length === KEY_LENGTH) continue;
    throw new WarrenError('usage', `a WireGuard key has ${KEY_LENGTH} bytes, not ${key.length}`);
  }
}
