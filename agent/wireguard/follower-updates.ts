import type { Prefix } from '../../shared/prefix.ts';
import type { PeerEndpoint } from './configuration.ts';

/**
 * What the device tells the followers, in order: peers by their slot, sessions by their local index. Plain data: it crosses
 * threads by structured clone, but for the keys, which lie in shared memory and are wiped once everybody has them.
 */
export type FollowerUpdate =
  | { kind: 'mtu'; mtu: number }
  /** Whether broadcasts and multicasts are to be handed to the device. */
  | { kind: 'group'; hasGroup: boolean }
  /** A new peer, or where it is now. */
  | {
      kind: 'peer';
      slot: number;
      endpoint: PeerEndpoint | null;
      endpointChosen: boolean;
      /** Packets to it are handed to the device. */
      isDiverted: boolean;
    }
  | { kind: 'peer-removed'; slot: number }
  | { kind: 'allowed-ip'; slot: number; prefix: Prefix; remove: boolean }
  /** All of them at once; slots of peers. */
  | { kind: 'stand-ins'; prefixes: { prefix: Prefix; slots: number[] }[] }
  | {
      kind: 'session';
      slot: number;
      localIndex: number;
      remoteIndex: number;
      /** Monotonic milliseconds. */
      created: number;
      /** Which worker receives under it. */
      owner: number;
      /** As shared-session.ts lays it out. */
      memory: SharedArrayBuffer;
    }
  /** The session to send with from now on. */
  | { kind: 'current'; localIndex: number }
  | { kind: 'session-ended'; localIndex: number }
  /** Transport data for this follower that did not come by its socket. */
  | { kind: 'datagram'; bytes: Uint8Array; source: PeerEndpoint };

/** What a follower tells the device. */
export type FollowerReport =
  /** The first message under this session was received: key confirmation. */
  | { kind: 'confirmed'; localIndex: number; time: number }
  | { kind: 'roamed'; slot: number; endpoint: PeerEndpoint }
  /** An inner packet that no session was there for, or that goes to several peers. */
  | { kind: 'packet'; bytes: Uint8Array }
  /** A datagram that is no transport data. */
  | { kind: 'datagram'; bytes: Uint8Array; source: PeerEndpoint }
  | { kind: 'activity'; peers: PeerActivity[]; counts: Float64Array | null };

/** What happened with one peer since the last report. Times are monotonic milliseconds, 0 for not at all. */
export interface PeerActivity {
  slot: number;
  txBytes: number;
  rxBytes: number;
  lastDataSent: number;
  lastReceived: number;
  lastDataReceived: number;
  /** Drops by position in COUNTERS, or null for none. */
  drops: Float64Array | null;
}
