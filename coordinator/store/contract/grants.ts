import type { AuditActor } from './audit.ts';

/** What administrators grant of what nodes offer and ask for. A part of `Store`. */
export interface GrantStore {
  approveRoute(
    nodeId: string,
    route: string,
    approved: boolean,
    now: number,
    audit: AuditActor,
  ): Promise<void>;
  /**
   * Makes a node the one that goes before all others that carry a route, in the place of whichever did, or no longer. Throws
   * `not-found` for a route that was not approved for it.
   */
  preferRoute(
    nodeId: string,
    route: string,
    preferred: boolean,
    now: number,
    audit: AuditActor,
  ): Promise<void>;
  approveSegment(
    nodeId: string,
    segment: string,
    approved: boolean,
    now: number,
    audit: AuditActor,
  ): Promise<void>;
  approveExitNode(nodeId: string, approved: boolean, now: number, audit: AuditActor): Promise<void>;
}
