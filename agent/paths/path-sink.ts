import type { UdpAddress } from '../wireguard/udp-address.ts';
import type { ChoiceReason } from './choose.ts';
import type { PathClass, PathKind } from './path.ts';

/**
 * What path discovery asks of the driver. Calls happen inside the verb that caused them and must not call back; bytes are
 * fresh and the receiver's to keep, addresses are not changed after.
 */
export interface PathSink {
  /** Sends a probe from `socket`: OWN_SOCKET, or one that `openSockets` brought. One that cannot be sent is lost, no error. */
  probe(socket: number, target: UdpAddress, bytes: Uint8Array): void;
  /** Sends a message to the peer by relay, beside its WireGuard datagrams; the other end tells them apart by `isProbe`. */
  relay(slot: number, bytes: Uint8Array): void;
  /** The peer's WireGuard datagrams go this way from now on; null: by relay. Told first when the peer is added. */
  use(slot: number, path: ChosenPath | null): void;
  /**
   * The peer says, by an authentic probe or invitation, that it has packets for this host: whoever has no session with it
   * begins one. So a host that was restarted, and has lost its sessions, is found again at once.
   */
  wanted(slot: number): void;
  /**
   * Opens up to `count` further UDP sockets (IPv4, any port, marked like the tunnel's own) and tells their numbers, any but
   * OWN_SOCKET, by `Paths.socketsOpened`; all that comes in on them goes the way of the tunnel's own socket.
   */
  openSockets(slot: number, count: number): void;
  closeSocket(socket: number): void;
  /** Paths were lost: ask the STUN servers again what this host looks like from outside. */
  wantReflexive(): void;
  event(event: PathEvent): void;
}

export interface ChosenPath {
  readonly socket: number;
  readonly address: UdpAddress;
}

/** A path as it is told to people. */
export interface PathView {
  readonly socket: number;
  readonly address: UdpAddress;
  readonly kind: PathKind;
  readonly class: PathClass;
  /** Milliseconds; Infinity if not known. */
  readonly roundTrip: number;
}

export type PathEvent =
  /** Null is the relay. */
  | { kind: 'path-changed'; slot: number; from: PathView | null; to: PathView | null; why: ChoiceReason }
  /** A spray is over. `probes` and `sockets` are what this end sent and opened for it. */
  | { kind: 'sprayed'; slot: number; found: boolean; probes: number; sockets: number };

/** What path discovery knows of one peer, for status. Times are monotonic milliseconds. */
export interface PeerPathStatus {
  /** Null: by relay. */
  readonly path: PathView | null;
  readonly why: ChoiceReason | 'nothing tried yet';
  readonly since: number;
  readonly changes: number;
  /** A discovery is under way. */
  readonly probing: boolean;
  readonly sprays: number;
  /** All that is or was tried, and when it last answered (-Infinity: never). */
  readonly tried: readonly (PathView & { readonly provenAt: number })[];
}

/** How a peer can be reached: by a path that answers, by relay, not at all although it was tried, or nothing is known. */
export interface PeerReach {
  readonly kind: 'direct' | 'relay' | 'lost' | 'unknown';
  /** Of a direct path, milliseconds; null if not known. */
  readonly roundTrip: number | null;
}
