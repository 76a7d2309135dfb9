import type { Prefix } from '../../shared/prefix.ts';
import type { Keypair } from './keypair.ts';
import type { SessionKeys } from './noise.ts';
import type { Peer } from './peer.ts';
import type { UdpAddress } from './udp-address.ts';

/** The other workers of a tunnel, as the device sees them: what they must hear of. */
export interface Followers {
  /** How many workers there are, the device's own included. */
  readonly workers: number;
  peerChanged(peer: Peer): void;
  peerRemoved(peer: Peer): void;
  allowedIpChanged(peer: Peer, prefix: Prefix, remove: boolean): void;
  /** Prefixes that several peers stand in for, in place of all of before. */
  standInsChanged(prefixes: readonly (readonly [Prefix, readonly Peer[]])[]): void;
  /** Memory for the session that is about to begin, or null where the device is alone. */
  share(keys: SessionKeys): SharedArrayBuffer | null;
  sessionBegan(keypair: Keypair<Peer>, owner: number, memory: SharedArrayBuffer): void;
  /** The peer's packets are to be sent under this session now. */
  currentChanged(keypair: Keypair<Peer>): void;
  sessionEnded(keypair: Keypair<Peer>): void;
  mtuChanged(mtu: number): void;
  /** Whether any peer gets copies of broadcasts and multicasts. */
  groupChanged(hasGroup: boolean): void;
  /** Transport data for a session of this worker, which came another way than by its socket. Bytes are not kept. */
  datagram(worker: number, bytes: Uint8Array, source: UdpAddress): void;
}

/** A device that is alone. */
export const NO_FOLLOWERS: Followers = {
  workers: 1,
  peerChanged() {},
  peerRemoved() {},
  allowedIpChanged() {},
  standInsChanged() {},
  share: () => null,
  sessionBegan() {},
  currentChanged() {},
  sessionEnded() {},
  mtuChanged() {},
  groupChanged() {},
  datagram() {},
};
