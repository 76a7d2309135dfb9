import type { UdpAddress } from '../wireguard/udp-address.ts';
import { isLocal } from './address-class.ts';
import type { CandidateKind } from './candidate.ts';

const NEVER = Number.NEGATIVE_INFINITY;

/** The tunnel's own UDP socket; others are opened for a peer behind a hard NAT. */
export const OWN_SOCKET = 0;

/** `learned`: a probe of the peer came from there. */
export type PathKind = CandidateKind | 'learned';

/** From best to worst. `lan`: within one site. */
export const PATH_CLASSES = ['lan', 'direct'] as const;
export type PathClass = (typeof PATH_CLASSES)[number];

/** One way to a peer over UDP: a socket of this host and an address of the peer, and what was heard on it. */
export class Path {
  readonly socket: number;
  /** Not changed after. */
  readonly address: UdpAddress;
  kind: PathKind;
  readonly class: PathClass;
  /** Smoothed, in milliseconds; Infinity before the first answer. */
  roundTrip = Number.POSITIVE_INFINITY;
  /** When the newest probe that was answered had been sent. */
  provenAt = NEVER;
  lastProbe = NEVER;
  /** When the peer last sent an authentic probe from there. */
  heardAt = NEVER;
  /** Where this host's probe seemed to come from, as the peer last told. */
  observed: UdpAddress | null = null;

  constructor(socket: number, address: UdpAddress, kind: PathKind) {
    this.socket = socket;
    this.address = address;
    this.kind = kind;
    this.class = isLocal(address) ? 'lan' : 'direct';
  }

  get isIpv6(): boolean {
    return this.address.family === 6;
  }

  /** A probe sent at `sentAt` was answered now. */
  proved(sentAt: number, now: number): void {
    const sample = now - sentAt;
    const isNew = this.roundTrip === Number.POSITIVE_INFINITY || sentAt - this.provenAt > 30_000;
    this.roundTrip = isNew ? sample : this.roundTrip + (sample - this.roundTrip) / 4;
    this.provenAt = Math.max(this.provenAt, sentAt);
  }

  /** It does not answer any more, or can no longer be the same. */
  lost(): void {
    this.provenAt = NEVER;
    this.roundTrip = Number.POSITIVE_INFINITY;
  }
}
