/** A network of a site that the mesh reaches under another prefix of the same length, address by address. */
export interface RouteMapping {
  /** As the mesh has it, canonical CIDR; one of the routes. */
  prefix: string;
  /** What the hosts of that site have, canonical CIDR. */
  sitePrefix: string;
}

/** A node's offers beside what was granted of them. */
export interface Granted {
  readonly offers: {
    readonly routes: readonly string[];
    readonly exitNode: boolean;
    /** Of some of the routes. Absent: of none. */
    readonly mappings?: readonly RouteMapping[];
  };
  readonly approvedRoutes: readonly string[];
  readonly exitNodeApproved: boolean;
}

/** The subnet routes that count: offered now and approved. An approval outlives a pause of the offer. */
export function grantedRoutes(node: Granted): string[] {
  const approved = new Set(node.approvedRoutes);
  return node.offers.routes.filter((route) => approved.has(route));
}

/** Those of the granted routes that stand for another network at the node's site. */
export function grantedMappings(node: Granted): RouteMapping[] {
  const granted = new Set(grantedRoutes(node));
  return (node.offers.mappings ?? []).filter(({ prefix }) => granted.has(prefix));
}

export function isExitNode(node: Granted): boolean {
  return node.offers.exitNode && node.exitNodeApproved;
}
