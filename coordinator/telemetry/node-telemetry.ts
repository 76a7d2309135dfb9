import type { PathReport } from '../../proto/gen/warren.ts';
import { MinuteRing } from './minute-ring.ts';
import {
  checkNat,
  checkPath,
  checkRelays,
  type NatView,
  type PathKindName,
  type PathView,
} from './peer-path.ts';

/** A node that talks to more peers than this is not recorded whole. */
const MAX_PEERS = 4_096;
/** The latest changes of paths that a node told. */
const KEPT_CHANGES = 64;
/** No link is as fast; more is a lie, or a clock that jumped. Bytes a second. */
const MAX_RATE = 1e11;
/** A rate that is not renewed for so many intervals is over. */
const RATE_INTERVALS = 2.5;

const MINUTE = 60_000;
const [RECEIVED, SENT] = [0, 1] as const;

/** A change of one path, as one of its ends told it. */
export interface PathChange {
  at: number;
  peerId: string;
  from: PathKindName;
  to: PathKindName;
  endpoint: string;
  reason: string;
}

/** What one node told of its path to another. Rates are bytes a second. */
export interface PathEntry {
  view: PathView;
  receivedRate: number;
  sentRate: number;
  /** Monotonic: until when the rates hold, and when the bytes were told. Bytes of before the stream have no time. */
  rateUntil: number;
  toldAt: number | null;
}

/** All that is held of one node: what it told last, and a day of figures. */
export class NodeTelemetry {
  readonly id: string;
  readonly peers = new Map<string, PathEntry>();
  readonly changes: PathChange[] = [];
  /** Bytes received and sent in each minute. */
  readonly traffic = new MinuteRing(2, 0);
  nat: NatView | null = null;
  /** Milliseconds to each relay that answers. */
  relays: ReadonlyMap<string, number> = new Map();
  /** It has a stream at a coordinator, and what it tells there is known here. */
  isConnected = false;
  /** When it last reported; 0 for never. */
  reportedAt = 0;

  constructor(id: string) {
    this.id = id;
  }

  /** A stream begins: what the agent counted meanwhile is not of this minute. */
  begin(): void {
    this.isConnected = true;
    for (const entry of this.peers.values()) entry.toldAt = null;
  }

  end(): void {
    this.isConnected = false;
  }

  /** Takes what the node says of itself; whether anything is new. */
  takeOwnSide(report: PathReport, now: number): boolean {
    this.reportedAt = now;
    if (report.nat !== undefined) this.nat = checkNat(report.nat) ?? this.nat;
    if (report.relays !== undefined) this.relays = checkRelays(report.relays);
    return report.nat !== undefined || report.relays !== undefined;
  }

  /**
   * Takes what it says of its path to a peer that it may see. `interval`: how often it was asked to tell its bytes, so that what
   * they are more than before came within that time.
   */
  takePath(
    peerId: string,
    path: PathReport['peers'][number],
    time: { now: number; monotonic: number; interval: number },
  ): PathEntry | null {
    const before = this.peers.get(peerId);
    if (before === undefined && this.peers.size >= MAX_PEERS) return null;
    const view = checkPath(path, time.now);
    const entry: PathEntry = {
      view,
      receivedRate: 0,
      sentRate: 0,
      rateUntil: time.monotonic,
      toldAt: time.monotonic,
    };
    if (before !== undefined) {
      this.#count(before, entry, time);
      if (before.view.kind === view.kind) {
        // The age that agents tell of an idle path is that of the report.
        if (before.view.endpoint === view.endpoint) view.since = Math.min(view.since, before.view.since);
      } else this.#changed(peerId, before.view.kind, view, time.now);
    } else this.#changed(peerId, 'none', view, time.now);
    this.peers.set(peerId, entry);
    return entry;
  }

  #count(
    before: PathEntry,
    entry: PathEntry,
    { now, monotonic, interval }: { now: number; monotonic: number; interval: number },
  ): void {
    if (before.toldAt === null) return;
    const received = growth(before.view.receivedBytes, entry.view.receivedBytes);
    const sent = growth(before.view.sentBytes, entry.view.sentBytes);
    const span = Math.max(500, Math.min(monotonic - before.toldAt, interval));
    const most = (MAX_RATE * span) / 1000;
    entry.receivedRate = (Math.min(most, received) * 1000) / span;
    entry.sentRate = (Math.min(most, sent) * 1000) / span;
    entry.rateUntil = monotonic + RATE_INTERVALS * interval;
    this.#spread(RECEIVED, Math.min(most, received), now - span, now);
    this.#spread(SENT, Math.min(most, sent), now - span, now);
  }

  /** Bytes of some time that may begin in the minute before. */
  #spread(column: number, bytes: number, from: number, to: number): void {
    if (bytes === 0) return;
    const minute = Math.floor(to / MINUTE);
    const early = Math.min(1, Math.max(0, minute * MINUTE - from) / (to - from));
    if (early > 0) this.traffic.add(minute - 1, column, bytes * early);
    if (early < 1) this.traffic.add(minute, column, bytes * (1 - early));
  }

  #changed(peerId: string, from: PathKindName, { kind, endpoint, reason }: PathView, at: number): void {
    if (kind === from) return;
    this.changes.push({ at, peerId, from, to: kind, endpoint, reason });
    if (this.changes.length > KEPT_CHANGES) this.changes.shift();
  }
}

/** A counter that is lower than before began anew. */
function growth(before: number, after: number): number {
  return after >= before ? after - before : after;
}
