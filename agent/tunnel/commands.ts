import type { Prefix } from '../../shared/prefix.ts';
import type { CandidateKind } from '../paths/candidate.ts';
import type { NatKind } from '../paths/nat-kind.ts';
import type { PeerReach } from '../paths/path-sink.ts';
import type { DeviceChange, DeviceSnapshot, PeerEndpoint } from '../wireguard/configuration.ts';
import type { DeviceEvent } from '../wireguard/sink.ts';

export type DriverName = 'linux' | 'portable';

/** How to open a tunnel; handed to the worker thread as it starts. Plain data. */
export interface TunnelOptions {
  driver: DriverName;
  interfaceName: string;
  mtu: number;
  /** Threads that move packets, from 1; by the number of cores where absent. Only the linux driver uses several. */
  workers?: number;
  /** Find ways to those peers that `paths` names: probes, relay. */
  findsPaths?: boolean;
  /** Of the RelayBacklog that bounds what goes by relay between the threads; made by the tunnel. */
  relayBacklog?: SharedArrayBuffer;
  /** Tell of changes to the host's links, addresses and routes. */
  watchNetwork?: boolean;
  /** The last TAI64N that this private key sent (12 bytes), from disk. */
  lastTimestamp?: Uint8Array;
  /** Offloads to leave off even where the kernel has them. */
  disableOffloads?: readonly OffloadName[];
}

export type OffloadName = 'tun-tso' | 'tun-uso' | 'udp-gso' | 'udp-gro';

/** What the worker says once device and loop stand. */
export interface TunnelFacts {
  /** As the kernel knows it. */
  interfaceName: string;
  driver: DriverName;
  workers: number;
  /** The library that seals packets. */
  cipher: string;
  /** Which offloads are at work. */
  offloads: Record<OffloadName, boolean>;
  /** Whether `network-changed` is told; otherwise the owner has to look from time to time. */
  tellsNetworkChanges: boolean;
  /** One line each: what the kernel refused, and why packets are not sealed by the fastest library that there could be. */
  notes: string[];
}

/** The socket's part of the UAPI, beside the device's. */
export interface SocketChange {
  /** 0 lets the system choose. */
  listenPort?: number;
  /** 0 removes the mark. */
  fwmark?: number;
}

export interface SocketSnapshot {
  /** 0 while the device is down. */
  listenPort: number;
  fwmark: number;
}

/** As PathsChange of path-search.ts, as plain data. */
export interface PlainPathsChange {
  /** Of this host, but for what STUN servers say. */
  candidates?: PlainCandidate[];
  /** Each server's address with both of its ports. */
  stunServers?: PeerEndpoint[];
  /** This host's own addresses with the tunnel's port. */
  local?: PeerEndpoint[];
  overlay?: Prefix[];
  relayIsUp?: boolean;
  /** A peer that no relay has, or that one may have again. */
  absent?: { publicKey: Uint8Array; isAbsent: boolean };
  peers?: { publicKey: Uint8Array; candidates: PlainCandidate[] }[];
  /** Peers that stand in for each other, by public key, in place of all of before. */
  routers?: Uint8Array[][];
}

export interface PlainCandidate {
  kind: CandidateKind;
  endpoint: PeerEndpoint;
}

/** How a peer is reached, for people. Times are milliseconds since the epoch. */
export interface PathSnapshot {
  /** Null: by relay. */
  path: PlainPath | null;
  why: string;
  since: number;
  changes: number;
  probing: boolean;
  sprays: number;
  /** All that is or was tried; `provenAt`: when it last answered, null for never. */
  tried: (PlainPath & { provenAt: number | null })[];
}

export interface PlainPath {
  endpoint: PeerEndpoint;
  kind: string;
  class: string;
  /** Milliseconds, null if not known. */
  roundTrip: number | null;
}

/** Not answered: datagrams of `segmentSize` bytes but the last, which the relay brought from a peer. */
export interface RelayedDatagrams {
  verb: 'relayed';
  publicKey: Uint8Array;
  bytes: Uint8Array;
  segmentSize: number;
}

/** Requests from the main thread to the worker; each is answered once with the same id. */
export type TunnelRequest =
  | { id: number; verb: 'configure'; device: DeviceChange; socket: SocketChange }
  | { id: number; verb: 'paths'; paths: PlainPathsChange }
  | { id: number; verb: 'snapshot' }
  | { id: number; verb: 'close' };

export type TunnelReply =
  | { id: number; ok: true; snapshot?: TunnelSnapshot }
  | { id: number; ok: false; code: string; message: string; hint?: string };

export interface TunnelSnapshot extends SocketSnapshot {
  device: DeviceSnapshot;
  /** By the peer's public key in hex; only those that `paths` named. */
  paths: Map<string, PathSnapshot>;
}

/** What the worker says by itself of its life. */
export type TunnelEvent =
  /** `wakeDescriptor`: an eventfd to write to after posting a request, or -1 where posting is enough. */
  | { event: 'ready'; facts: TunnelFacts; wakeDescriptor: number }
  | { event: 'failed'; code: string; message: string; hint?: string }
  /** The interface was deleted, or the loop ended after `close`. */
  | { event: 'closed'; reason: 'removed' | 'requested' }
  | TunnelNews;

/** What the worker tells the tunnel's owner. Never of single packets, but of those that are to go by relay. */
export type TunnelNews =
  | { event: 'device'; device: DeviceEvent }
  /** Links, addresses or routes of the host are others than before. */
  | { event: 'network-changed' }
  /** Datagrams of `segmentSize` bytes but the last, for the relay to bring to a peer. */
  | { event: 'relay'; publicKey: Uint8Array; bytes: Uint8Array; segmentSize: number }
  /** Null is the relay. */
  | {
      event: 'path-changed';
      publicKey: Uint8Array;
      from: PlainPath | null;
      to: PlainPath | null;
      why: string;
    }
  /** How a router that others stand in for can be reached; told while there is traffic for one of them. */
  | ({ event: 'router'; publicKey: Uint8Array } & PeerReach)
  /** A search for a way through a hard NAT is over. */
  | { event: 'sprayed'; publicKey: Uint8Array; found: boolean; probes: number; sockets: number }
  /** What STUN servers say of this host's addresses and of its NAT for IPv4, which is another thing than before. */
  | { event: 'reflexive'; endpoints: PeerEndpoint[]; nat: NatKind };
