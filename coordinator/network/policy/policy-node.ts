import { type Granted, grantedRoutes, isExitNode } from '../grants.ts';
import type { CarriedDevice, PolicyNode } from './node-state.ts';

/** What the store has of a node, as the policy looks at it: only what was granted counts. */
export function policyNode(node: Granted & CarriedDevice): PolicyNode {
  return {
    id: node.id,
    address4: node.address4,
    address6: node.address6,
    tags: node.tags,
    owner: node.owner,
    ownerGroups: node.ownerGroups ?? [],
    ownerRole: node.ownerRole ?? '',
    routes: grantedRoutes(node),
    exitNode: isExitNode(node),
  };
}
