import { grantedRoutes, isExitNode } from '../network/grants.ts';
import { isExpired } from '../network/joining.ts';
import { standingOf } from '../network/standing.ts';
import type { NodeRecord } from '../store/contract/nodes.ts';
import { type Edge, edgeBetween, pairKey, pairs } from './edges.ts';
import type { MeshNodes } from './mesh-nodes.ts';
import type { NatView } from './peer-path.ts';
import type { Telemetry } from './telemetry.ts';

/** What a machine is to the others. */
export type Role = 'machine' | 'router' | 'exit' | 'device';
export type MachineState = 'online' | 'away' | 'expired' | 'disabled' | 'unapproved';

/** A machine as the picture has it. */
export interface PictureMachine {
  kind: 'machine';
  id: string;
  name: string;
  role: Role;
  state: MachineState;
  tags: string[];
  owner: string;
  address: string;
  /** Networks behind it that were approved. */
  subnets: string[];
  /** Id of its home relay; empty for none. */
  relay: string;
  nat: NatView | null;
  /** Whether it tells its paths. */
  reports: boolean;
}

/** Machines of one tag, or of none. */
export interface PictureGroup {
  kind: 'group';
  id: string;
  /** Empty for those without a tag. */
  tag: string;
  count: number;
  online: number;
}

export type PictureItem = PictureMachine | PictureGroup;

/** An edge between two items; of groups it is the sum of many. */
export interface PictureEdge extends Edge {
  /** How many pairs there are of each kind. */
  pairs: { direct: number; relay: number; none: number };
}

export interface Picture {
  items: PictureItem[];
  edges: PictureEdge[];
  relays: { id: string; host: string; machines: number }[];
  /** Edges that are not in the picture, since it has as many as anybody can look at. */
  edgesLeftOut: number;
  isGrouped: boolean;
}

/** A picture of more machines groups them. */
export const MOST_MACHINES = 500;
/** Edges in a picture, the busiest and the best first. */
const MOST_EDGES = 2_000;

const GROUP = 'group:';
const NO_TAG = '';

/** A machine for the picture. `now`: the coordinator's clock. */
export function pictureMachine(node: NodeRecord, telemetry: Telemetry, now: number): PictureMachine {
  const state = telemetry.of(node.id);
  const subnets = grantedRoutes(node);
  return {
    kind: 'machine',
    id: node.id,
    name: node.name,
    role: roleOf(node, subnets),
    state: stateOf(node, now),
    tags: node.tags,
    owner: node.owner,
    address: node.address4,
    subnets,
    relay: node.homeRelay,
    nat: state?.nat ?? null,
    reports: state?.isConnected ?? false,
  };
}

export function stateOf(node: NodeRecord, now: number): MachineState {
  const standing = standingOf(node);
  if (standing !== 'member') return standing;
  if (isExpired(node.keyExpiresAt, now)) return 'expired';
  return node.online ? 'online' : 'away';
}

/**
 * The network with all its paths. Of more than MOST_MACHINES those with one first tag are one item, but for tags that are
 * `expanded`. `time`: the coordinator's clock and the monotonic one.
 */
export function pictureOf(
  nodes: MeshNodes,
  telemetry: Telemetry,
  time: { now: number; monotonic: number },
  expanded: ReadonlySet<string> = new Set(),
): Picture {
  const all = [...nodes.nodes()];
  const isGrouped = all.length > MOST_MACHINES;
  const itemOf = new Map<string, string>();
  const groups = new Map<string, PictureGroup>();
  const machines: PictureMachine[] = [];
  for (const node of all) {
    const tag = groupTag(node);
    if (!isGrouped || (expanded.has(tag) && machines.length < MOST_MACHINES)) {
      itemOf.set(node.id, node.id);
      machines.push(pictureMachine(node, telemetry, time.now));
      continue;
    }
    const group = groups.get(tag) ?? { kind: 'group', id: GROUP + tag, tag, count: 0, online: 0 };
    group.count++;
    if (node.online) group.online++;
    groups.set(tag, group);
    itemOf.set(node.id, group.id);
  }
  const sums = new Map<string, PictureEdge>();
  for (const [one, other] of pairs(telemetry)) {
    const [from, to] = [itemOf.get(one), itemOf.get(other)];
    if (from === undefined || to === undefined || from === to) continue;
    const edge = edgeBetween(telemetry, nodes, one, other, time.monotonic);
    if (edge !== null) addTo(sums, edge, itemOf);
  }
  const edges = [...sums.values()];
  if (edges.length > MOST_EDGES) edges.sort((x, y) => weight(y) - weight(x));
  return {
    items: [...groups.values(), ...machines],
    edges: edges.slice(0, MOST_EDGES).map(rounded),
    relays: relaysOf(nodes, all),
    edgesLeftOut: Math.max(0, edges.length - MOST_EDGES),
    isGrouped,
  };
}

/** An edge of two machines as the picture has it. */
export function pictureEdge(edge: Edge): PictureEdge {
  const none = { direct: 0, relay: 0, none: 0 };
  return rounded({ ...edge, pairs: { ...none, [edge.kind]: 1 } });
}

/** To two digits: what differs by less is no news. */
function rounded(edge: PictureEdge): PictureEdge {
  edge.rate = twoDigits(edge.rate);
  edge.rateBack = twoDigits(edge.rateBack);
  if (edge.latency !== null) edge.latency = twoDigits(edge.latency);
  return edge;
}

function twoDigits(value: number): number {
  return Number(value.toPrecision(2));
}

export function groupTag(node: Pick<NodeRecord, 'tags'>): string {
  return node.tags[0] ?? NO_TAG;
}

function roleOf(node: NodeRecord, subnets: readonly string[]): Role {
  if (node.device !== null) return 'device';
  if (isExitNode(node)) return 'exit';
  return subnets.length > 0 ? 'router' : 'machine';
}

function addTo(sums: Map<string, PictureEdge>, edge: Edge, itemOf: ReadonlyMap<string, string>): void {
  const [a, b] = [itemOf.get(edge.a) as string, itemOf.get(edge.b) as string];
  const key = pairKey(a, b);
  const sum = sums.get(key);
  const turned =
    a > b ? { ...edge, a: b, b: a, rate: edge.rateBack, rateBack: edge.rate } : { ...edge, a, b };
  if (sum === undefined) {
    sums.set(key, pictureEdge(turned));
    return;
  }
  sum.pairs[edge.kind]++;
  sum.rate += turned.rate;
  sum.rateBack += turned.rateBack;
  if (edge.latency !== null && (sum.latency === null || edge.latency < sum.latency)) {
    sum.latency = edge.latency;
    sum.isEstimated = edge.isEstimated;
  }
  // Of several the one that most have.
  const { direct, relay } = sum.pairs;
  sum.kind = direct + relay === 0 ? 'none' : direct >= relay ? 'direct' : 'relay';
}

function weight({ rate, rateBack, kind }: Edge): number {
  return rate + rateBack + (kind === 'none' ? 0 : 1);
}

function relaysOf(nodes: MeshNodes, all: readonly NodeRecord[]): Picture['relays'] {
  const count = new Map<string, number>();
  for (const { homeRelay } of all) count.set(homeRelay, (count.get(homeRelay) ?? 0) + 1);
  return nodes.network.relays.map(({ id, urls: [url] }) => ({
    id,
    host: url === undefined ? id : new URL(url).hostname,
    machines: count.get(id) ?? 0,
  }));
}
