import type { NodeRecord } from '../store/contract/nodes.ts';
import { edgeBetween } from './edges.ts';
import type { MeshNodes } from './mesh-nodes.ts';
import type { PathKindName } from './peer-path.ts';
import type { Telemetry } from './telemetry.ts';

/** Machines in a matrix: more nobody reads. */
export const MOST_IN_MATRIX = 60;

export interface MatrixCell {
  kind: PathKindName;
  /** Milliseconds; null if not measured. */
  latency: number | null;
  isEstimated: boolean;
}

export interface Matrix {
  machines: NodeRecord[];
  /** How many there would be without the limit. */
  total: number;
  /** By row and column as `machines`; null for pairs that exchanged nothing. */
  cells: (MatrixCell | null)[][];
}

/** Round trips between machines: those that match, by name. `search`: a part of the name; `tag`: one they have. */
export function matrixOf(
  nodes: MeshNodes,
  telemetry: Telemetry,
  filter: { search: string; tag: string },
  monotonic: number,
): Matrix {
  const search = filter.search.toLowerCase();
  const matching = [...nodes.nodes()]
    .filter(({ name, tags }) => name.includes(search) && (filter.tag === '' || tags.includes(filter.tag)))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  const machines = matching.slice(0, MOST_IN_MATRIX);
  const cells = machines.map((row) =>
    machines.map((column) => {
      if (row === column) return null;
      const edge = edgeBetween(telemetry, nodes, row.id, column.id, monotonic);
      return edge === null ? null : { kind: edge.kind, latency: edge.latency, isEstimated: edge.isEstimated };
    }),
  );
  return { machines, total: matching.length, cells };
}
