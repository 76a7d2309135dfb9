import type { CarriersInUse, NatReport, PathReport, PeerPath, RelayDistances } from '../proto/gen/warren.ts';
import { PathKind } from '../proto/gen/warren.ts';
import { pathReason } from './path-words.ts';
import type { NatKind } from './paths/nat-kind.ts';
import type { PeerStatus, Status } from './status.ts';

/** A path may change without an event, as when its session ends: it is looked at so often at least. Milliseconds. */
const LOOK_INTERVAL = 15_000;
/** Several changes of one moment are told together. */
const SETTLE = 1_000;
/** No coordinator gets this to send more often. */
const LEAST_INTERVAL = 1_000;
/** Peers in a message: some 50 KiB, far below what the coordinator takes. */
const MAX_PEERS = 100;
/** Networks in a message: some 100 KiB at most. */
const MAX_ROUTES = 1_000;

const KINDS = {
  none: PathKind.PATH_KIND_UNSPECIFIED,
  direct: PathKind.PATH_KIND_DIRECT,
  relay: PathKind.PATH_KIND_RELAY,
};

/** What an agent knows of its paths at one moment. */
export interface PathsNow {
  status: Status;
  nat: NatKind | null;
  carriers: CarriersInUse;
  /** The node of a peer, by public key as in the status. */
  nodeIds: ReadonlyMap<string, string>;
  /** This host's clock, milliseconds since the epoch. */
  now: number;
}

interface Sent {
  /** What counts as another path. */
  shape: string;
  /** What only counts once an interval: bytes and latency. */
  figures: string;
  figuresAt: number;
}

/**
 * Tells the coordinator how peers are reached, if it asked: what changed since the last time, paths soon and figures once in the
 * interval that it asked for. Without traffic and changes nothing is sent.
 */
export class PathReporter {
  readonly #look: () => Promise<PathsNow>;
  readonly #send: (report: PathReport) => boolean;
  readonly #monotonic: () => number;
  readonly #sent = new Map<string, Sent>();
  #nat = '';
  #relays = '';
  #relaysAt = Number.NEGATIVE_INFINITY;
  #carriers = '';
  /** Null: nobody asked. */
  #interval: number | null = null;
  #timer: NodeJS.Timeout | null = null;
  #due = Number.POSITIVE_INFINITY;
  #looking = false;

  /** `send` says whether it could; `monotonic`: milliseconds. */
  constructor(look: () => Promise<PathsNow>, send: (report: PathReport) => boolean, monotonic: () => number) {
    this.#look = look;
    this.#send = send;
    this.#monotonic = monotonic;
  }

  /** The coordinator asked, on this stream for the first time or for another interval. */
  watch(interval: number): void {
    this.#interval = Math.max(LEAST_INTERVAL, interval);
    this.#wakeIn(0);
  }

  /** Some path is another, or somebody else carries something. */
  changed(): void {
    if (this.#interval !== null) this.#wakeIn(SETTLE);
  }

  /** The stream is another one: whoever is at its end knows nothing yet, and has not asked yet. */
  reset(): void {
    this.#sent.clear();
    this.#nat = '';
    this.#relays = '';
    this.#relaysAt = Number.NEGATIVE_INFINITY;
    this.#carriers = '';
    this.close();
  }

  close(): void {
    this.#interval = null;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#due = Number.POSITIVE_INFINITY;
  }

  #wakeIn(wait: number): void {
    const due = this.#monotonic() + wait;
    if (due >= this.#due) return;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#due = due;
    this.#timer = setTimeout(() => void this.#report(), wait);
  }

  async #report(): Promise<void> {
    this.#timer = null;
    this.#due = Number.POSITIVE_INFINITY;
    if (this.#looking) return this.#wakeIn(SETTLE);
    this.#looking = true;
    try {
      const interval = this.#interval;
      const now = await this.#look();
      // While it was looked the stream may have been lost.
      if (interval !== null && interval === this.#interval) this.#tell(now, interval);
    } catch {
      // The tunnel is about to end.
    } finally {
      this.#looking = false;
      if (this.#interval !== null) this.#wakeIn(Math.min(this.#interval, LOOK_INTERVAL));
    }
  }

  #tell({ status, nat, carriers, nodeIds, now }: PathsNow, interval: number): void {
    const at = this.#monotonic();
    const due: { nodeId: string; sent: Sent; path: PeerPath }[] = [];
    for (const peer of status.peers) {
      const nodeId = nodeIds.get(peer.publicKey);
      if (nodeId === undefined || !wasUsed(peer) || peer.via !== null) continue;
      const path = pathOf(nodeId, peer, status.self, now);
      const sent = this.#sent.get(nodeId);
      const shape = `${path.kind} ${path.endpoint} ${path.reason}`;
      const figures = `${path.latency} ${path.receivedBytes} ${path.sentBytes}`;
      const isOld = sent === undefined || at - sent.figuresAt >= interval - SETTLE / 2;
      if (sent?.shape === shape && (sent.figures === figures || !isOld)) continue;
      due.push({ nodeId, path, sent: { shape, figures, figuresAt: at } });
    }
    const first = this.#ownSide({ status, nat, carriers }, at, interval);
    for (let begin = 0; begin === 0 || begin < due.length; begin += MAX_PEERS) {
      const part = due.slice(begin, begin + MAX_PEERS);
      const own = begin === 0 ? first.report : {};
      if (part.length === 0 && Object.keys(own).length === 0) return;
      const absent = { nat: undefined, relays: undefined, carriers: undefined };
      if (!this.#send({ peers: part.map(({ path }) => path), ...absent, ...own })) return;
      if (begin === 0) first.sent();
      for (const { nodeId, sent } of part) this.#sent.set(nodeId, sent);
    }
  }

  /** The NAT, the relays and the carriers, where they are others than before; relays are measured every few minutes. */
  #ownSide(
    { status, nat: kind, carriers: inUse }: Pick<PathsNow, 'status' | 'nat' | 'carriers'>,
    at: number,
    interval: number,
  ) {
    const report: { nat?: NatReport; relays?: RelayDistances; carriers?: CarriersInUse } = {};
    const nat = kind === null ? '' : `${kind.mapping} ${kind.filtering}`;
    if (kind !== null && nat !== this.#nat) report.nat = { mapping: kind.mapping, filtering: kind.filtering };
    const distances = status.self.relays.map(({ id, latencyMs }) => ({
      relayId: id,
      latency: latencyMs ?? undefined,
    }));
    const relays = JSON.stringify(distances);
    if (relays !== this.#relays && at - this.#relaysAt >= interval) report.relays = { relays: distances };
    const told = { ...inUse, routeUses: inUse.routeUses.slice(0, MAX_ROUTES) };
    const carriers = JSON.stringify(told);
    if (carriers !== this.#carriers) report.carriers = told;
    const sent = () => {
      this.#carriers = carriers;
      if (report.nat !== undefined) this.#nat = nat;
      if (report.relays === undefined) return;
      this.#relays = relays;
      this.#relaysAt = at;
    };
    return { report, sent };
  }
}

/** Whether anything was ever exchanged with a peer. */
function wasUsed(peer: PeerStatus): boolean {
  return peer.path !== 'none' || peer.lastHandshake !== null || peer.rxBytes + peer.txBytes > 0;
}

function pathOf(nodeId: string, peer: PeerStatus, self: Status['self'], now: number): PeerPath {
  const { reason, advice } = pathReason(peer, self);
  const since = peer.path === 'none' || peer.pathDetails === null ? now : Date.parse(peer.pathDetails.since);
  return {
    nodeId,
    kind: KINDS[peer.path],
    endpoint: peer.path === 'direct' ? (peer.endpoint ?? '') : '',
    latency: peer.path === 'direct' ? (peer.latencyMs ?? undefined) : undefined,
    receivedBytes: BigInt(peer.rxBytes),
    sentBytes: BigInt(peer.txBytes),
    age: BigInt(Math.max(0, Math.round(now - since))),
    reason,
    advice: advice ?? '',
  };
}
