import type { Role, SessionRecord } from '../store/accounts/accounts.ts';
import type { AuditActor } from '../store/contract/audit.ts';
import type { Connection } from './connection.ts';

export type { Role } from '../store/accounts/accounts.ts';

const RANKS: Readonly<Record<Role, number>> = { auditor: 0, admin: 1, owner: 2 };

/** Who sent a request, as the authentication in front of every route found out; `actor` and `source` go into the audit log. */
export interface Actor extends AuditActor {
  role: Role;
  /** The account of the person who signed in, or whose key it is. */
  userId: string;
  /** The account's name. */
  userName: string;
  /** Null for a person. */
  apiKeyId: string | null;
  /** Empty for a person; what a key is limited to, such as `machines:read`. */
  scopes: readonly string[];
}

/** The variables of a Hono context; all but the connection are there behind the authentication. */
export interface AdminEnvironment {
  Variables: {
    connection: Connection;
    actor: Actor;
    /** Null for an API key. */
    session: SessionRecord | null;
    /** Until when a person is confirmed; null where they are not. An API key always is, and has no end. */
    confirmedUntil: number | null;
    /** Whether the request would still be let in now; for answers that go on for long. */
    isStillIn: () => Promise<boolean>;
  };
}

/** Whether a role includes another's rights. */
export function includesRole(role: Role, wanted: Role): boolean {
  return RANKS[role] >= RANKS[wanted];
}

/** The lesser of two. */
export function lesserRole(one: Role, other: Role): Role {
  return includesRole(one, other) ? other : one;
}
