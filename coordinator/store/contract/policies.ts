import type { AuditActor } from './audit.ts';

/** Who may reach what, in all its versions. A part of `Store`. */
export interface PolicyStore {
  /**
   * Makes a document the network's policy, as its next version. One with a mistake, or whose tests fail on the network as it
   * is, changes nothing and throws `corrupt`. `check` looks at the policy before, in the same transaction, and throws what is to
   * stop it.
   */
  applyPolicy(
    document: string,
    now: number,
    audit: AuditActor,
    check?: (current: PolicyRecord | null) => void,
  ): Promise<PolicyRecord>;
  /** The same with the document of an earlier version. Throws `not-found` too. */
  restorePolicy(version: number, now: number, audit: AuditActor): Promise<PolicyRecord>;
  /** The policy that counts, or that of a version; null if there is none. */
  policy(version?: number): Promise<PolicyRecord | null>;
  /** All of them, the newest first. */
  listPolicies(): Promise<PolicyRecord[]>;
}

/** One version of the network's policy. */
export interface PolicyRecord {
  /** From 1. */
  version: number;
  /** As it was given. */
  document: string;
  createdAt: number;
  /** Who made it the policy, and from where. */
  actor: string;
  source: string;
  /** The version whose document it is; null for one that was given anew. */
  restoredFrom: number | null;
}
