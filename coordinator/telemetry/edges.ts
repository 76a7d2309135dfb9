import type { NodeRecord } from '../store/contract/nodes.ts';
import type { MeshNodes } from './mesh-nodes.ts';
import type { PathEntry } from './node-telemetry.ts';
import type { PathKindName } from './peer-path.ts';
import { relayedLatency } from './relayed-latency.ts';
import type { Telemetry } from './telemetry.ts';

/** How two members are connected, as both of them see it. `a` is the lower id. */
export interface Edge {
  a: string;
  b: string;
  kind: PathKindName;
  /** Round trip, milliseconds; null if neither measured it. */
  latency: number | null;
  /** Reckoned from the distances to relays. */
  isEstimated: boolean;
  /** Bytes a second from a to b, and back. */
  rate: number;
  rateBack: number;
}

/** The name of a pair: the same whoever comes first. */
export function pairKey(a: string, b: string): string {
  return a < b ? `${a} ${b}` : `${b} ${a}`;
}

/** The edge between two members; null while they have nothing to do with each other. `now`: monotonic milliseconds. */
export function edgeBetween(
  telemetry: Telemetry,
  nodes: MeshNodes,
  one: string,
  other: string,
  now: number,
): Edge | null {
  const [a, b] = one < other ? [one, other] : [other, one];
  const [fromA, fromB] = [entryOf(telemetry, a, b), entryOf(telemetry, b, a)];
  if (fromA === undefined && fromB === undefined) return null;
  if (nodes.node(a) === undefined || nodes.node(b) === undefined || !nodes.mayMeet(a, b)) return null;
  const kind = worst(
    liveKind(telemetry, a, fromA, nodes.node(b), now),
    liveKind(telemetry, b, fromB, nodes.node(a), now),
  );
  const measured = kind === 'direct' ? lower(fromA?.view.latency, fromB?.view.latency) : null;
  const estimated = kind === 'relay' ? relayedLatency(telemetry, nodes, a, b) : null;
  return {
    a,
    b,
    kind,
    latency: measured ?? estimated,
    isEstimated: measured === null && estimated !== null,
    rate: Math.max(rateOf(fromA, 'sentRate', now), rateOf(fromB, 'receivedRate', now)),
    rateBack: Math.max(rateOf(fromB, 'sentRate', now), rateOf(fromA, 'receivedRate', now)),
  };
}

/** Every pair that has exchanged something, each once. */
export function* pairs(telemetry: Telemetry): Generator<[string, string]> {
  for (const { id, peers } of telemetry.states()) {
    for (const peerId of peers.keys()) {
      if (id < peerId || telemetry.of(peerId)?.peers.has(id) !== true) yield [id, peerId];
    }
  }
}

function entryOf(telemetry: Telemetry, from: string, to: string): PathEntry | undefined {
  return telemetry.of(from)?.peers.get(to);
}

/** Null for an end that says nothing now, or whose session is with a machine that went away and sends nothing any more. */
function liveKind(
  telemetry: Telemetry,
  id: string,
  entry: PathEntry | undefined,
  peer: NodeRecord | undefined,
  now: number,
): PathKindName | null {
  if (entry === undefined || telemetry.of(id)?.isConnected !== true) return null;
  const isAway = peer !== undefined && !peer.online && peer.device === null;
  return isAway && rateOf(entry, 'receivedRate', now) === 0 ? null : entry.view.kind;
}

/** A session has two ends, each of which may send another way: by relay if one of them does, and none if neither has one. */
function worst(a: PathKindName | null, b: PathKindName | null): PathKindName {
  if (a === 'relay' || b === 'relay') return 'relay';
  return a === 'direct' || b === 'direct' ? 'direct' : 'none';
}

function lower(a: number | null | undefined, b: number | null | undefined): number | null {
  if (a == null || b == null) return a ?? b ?? null;
  return Math.min(a, b);
}

function rateOf(entry: PathEntry | undefined, rate: 'sentRate' | 'receivedRate', now: number): number {
  return entry !== undefined && now <= entry.rateUntil ? Math.round(entry[rate]) : 0;
}
