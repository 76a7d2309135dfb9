import { parsePolicy } from '../network/policy/parse.ts';
import { policyNode } from '../network/policy/policy-node.ts';
import { type RuleBetween, rulesBetween } from '../network/policy/rules-between.ts';
import type { NodeRecord } from '../store/store.ts';
import { type Edge, edgeBetween } from './edges.ts';
import type { MeshNodes } from './mesh-nodes.ts';
import { type PairWords, pairWords } from './pair-words.ts';
import type { NatView, PathView } from './peer-path.ts';
import { type MachineState, stateOf } from './picture.ts';
import type { Telemetry } from './telemetry.ts';

/** One end of a pair, and what it says of its path to the other. */
export interface PairEnd {
  node: NodeRecord;
  state: MachineState;
  /** Whether it tells its paths to this coordinator now, and when it last did; 0 for never. */
  reports: boolean;
  reportedAt: number;
  nat: NatView | null;
  path: PathView | null;
}

/** All that is known of how two machines are connected. */
export interface Pair {
  ends: [PairEnd, PairEnd];
  edge: Edge | null;
  /** Whether the policy lets them know of each other. */
  mayMeet: boolean;
  hasPolicy: boolean;
  /** Rules that let one of them reach the other itself. */
  rules: RuleBetween[];
  words: PairWords;
}

/** Why two machines are connected as they are, for any two; undefined where one of them is no member. */
export function pairOf(
  nodes: MeshNodes,
  telemetry: Telemetry,
  ids: readonly [string, string],
  time: { now: number; monotonic: number },
): Pair | undefined {
  const [one, other] = [nodes.node(ids[0]), nodes.node(ids[1])];
  if (one === undefined || other === undefined || one.id === other.id) return undefined;
  const ends: [PairEnd, PairEnd] = [
    endOf(telemetry, one, other.id, time.now),
    endOf(telemetry, other, one.id, time.now),
  ];
  const { policy } = nodes.network;
  const document = policy === null ? null : parsePolicy(policy.document).document;
  const facts = {
    ends,
    edge: edgeBetween(telemetry, nodes, one.id, other.id, time.monotonic),
    mayMeet: nodes.mayMeet(one.id, other.id),
    hasPolicy: policy !== null,
    rules: document === null ? [] : rulesBetween(document, nodes.network, policyNode(one), policyNode(other)),
  };
  return { ...facts, words: pairWords(facts) };
}

function endOf(telemetry: Telemetry, node: NodeRecord, peerId: string, now: number): PairEnd {
  const state = telemetry.of(node.id);
  return {
    node,
    state: stateOf(node, now),
    reports: state?.isConnected ?? false,
    reportedAt: state?.reportedAt ?? 0,
    nat: state?.nat ?? null,
    path: state?.peers.get(peerId)?.view ?? null,
  };
}
