import type { PolicyNode } from '../network/policy/node-state.ts';
import { parsePolicy } from '../network/policy/parse.ts';
import { policyNode } from '../network/policy/policy-node.ts';
import { type RuleBetween, rulesBetween } from '../network/policy/rules-between.ts';
import type { NodeRecord } from '../store/contract/nodes.ts';
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
  /** Whether it tells its paths now, and when it last did; 0 for never. */
  reports: boolean;
  reportedAt: number;
  nat: NatView | null;
  path: PathView | null;
}

/** What the words for a pair depend on. */
export interface PairFacts {
  ends: [PairEnd, PairEnd];
  edge: Edge | null;
  /** Whether the policy lets them know of each other. */
  mayMeet: boolean;
  hasPolicy: boolean;
}

/** All that is known of how two machines are connected. */
export interface Pair extends PairFacts {
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
  const facts = factsOf(nodes, telemetry, ids, time);
  if (facts === undefined) return undefined;
  const { policy } = nodes.network;
  const document = policy === null ? null : parsePolicy(policy.document).document;
  const [one, other] = facts.ends.map(({ node }) => policyNode(node)) as [PolicyNode, PolicyNode];
  const rules = document === null ? [] : rulesBetween(document, nodes.network, one, other);
  return { ...facts, rules, words: pairWords(facts) };
}

/** The words alone, which cost no look at the policy's rules: for many pairs at once. */
export function wordsBetween(...of: Parameters<typeof pairOf>): PairWords | undefined {
  const facts = factsOf(...of);
  return facts === undefined ? undefined : pairWords(facts);
}

function factsOf(
  nodes: MeshNodes,
  telemetry: Telemetry,
  ids: readonly [string, string],
  time: { now: number; monotonic: number },
): PairFacts | undefined {
  const [one, other] = [nodes.node(ids[0]), nodes.node(ids[1])];
  if (one === undefined || other === undefined || one.id === other.id) return undefined;
  return {
    ends: [endOf(telemetry, one, other.id, time.now), endOf(telemetry, other, one.id, time.now)],
    edge: edgeBetween(telemetry, nodes, one.id, other.id, time.monotonic),
    mayMeet: nodes.mayMeet(one.id, other.id),
    hasPolicy: nodes.network.policy !== null,
  };
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
