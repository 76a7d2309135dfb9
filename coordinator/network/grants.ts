/** A node's offers beside what was granted of them. */
export interface Granted {
  readonly offers: { readonly routes: readonly string[]; readonly exitNode: boolean };
  readonly approvedRoutes: readonly string[];
  readonly exitNodeApproved: boolean;
}

/** The subnet routes that count: offered now and approved. An approval outlives a pause of the offer. */
export function grantedRoutes(node: Granted): string[] {
  const approved = new Set(node.approvedRoutes);
  return node.offers.routes.filter((route) => approved.has(route));
}

export function isExitNode(node: Granted): boolean {
  return node.offers.exitNode && node.exitNodeApproved;
}
