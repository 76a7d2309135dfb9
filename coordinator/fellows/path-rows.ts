import { PathKind, PathReport } from '../../proto/gen/warren.ts';
import type { ToldPath } from '../store/coordinators/coordinators.ts';
import type { NodeTelemetry } from '../telemetry/node-telemetry.ts';
import type { PathKindName } from '../telemetry/peer-path.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';

const KINDS: Readonly<Record<PathKindName, PathKind>> = {
  none: PathKind.PATH_KIND_UNSPECIFIED,
  direct: PathKind.PATH_KIND_DIRECT,
  relay: PathKind.PATH_KIND_RELAY,
};

/** What a node says of itself, all of it: in the form in which its agent told it. `now`: the coordinator's clock. */
export function nodeRow(state: NodeTelemetry, { carrierUses }: Telemetry, now: number): ToldPath {
  const report: PathReport = { peers: [] };
  if (state.nat !== null) report.nat = state.nat;
  const relays = [...state.relays].map(([relayId, latency]) => ({ relayId, latency }));
  report.relays = { relays };
  const carriers = carrierUses.toldBy(state.id);
  if (carriers !== undefined) report.carriers = carriers;
  return {
    nodeId: state.id,
    peerId: '',
    report: PathReport.encode(report).finish(),
    age: state.reportedAt === 0 ? 0 : Math.max(0, now - state.reportedAt),
  };
}

/** In the place of what a node says of itself: that it says nothing here any more. */
export function endRow(nodeId: string): ToldPath {
  return { nodeId, peerId: '', report: null, age: 0 };
}

/** What it says of its path to a peer; null where it says nothing. `time`: the coordinator's clock and the monotonic one. */
export function pathRow(
  state: NodeTelemetry,
  peerId: string,
  time: { now: number; monotonic: number },
): ToldPath | null {
  const entry = state.peers.get(peerId);
  if (entry === undefined) return null;
  const { view, toldAt } = entry;
  const age = toldAt === null ? 0 : Math.max(0, time.monotonic - toldAt);
  const path = {
    nodeId: peerId,
    kind: KINDS[view.kind],
    endpoint: view.endpoint,
    receivedBytes: BigInt(view.receivedBytes),
    sentBytes: BigInt(view.sentBytes),
    age: BigInt(Math.max(0, Math.round(time.now - age - view.since))),
    reason: view.reason,
    advice: view.advice,
    ...(view.latency === null ? {} : { latency: view.latency }),
  };
  return { nodeId: state.id, peerId, report: PathReport.encode({ peers: [path] }).finish(), age };
}
