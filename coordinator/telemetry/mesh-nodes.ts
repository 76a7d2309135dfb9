import type { NetworkRecord } from '../store/contract/network.ts';
import type { NodeRecord } from '../store/contract/nodes.ts';

/** The network as this coordinator holds it in memory, kept up with the database: what telemetry and the pictures of it need. */
export interface MeshNodes {
  readonly network: NetworkRecord;
  nodes(): Iterable<NodeRecord>;
  node(id: string): NodeRecord | undefined;
  /** Whether the policy lets two members know of each other. */
  mayMeet(a: string, b: string): boolean;
  /** Calls back after every change that others may see. */
  onMove(listener: () => void): () => void;
}
