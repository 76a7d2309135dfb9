import type { AuditActor } from '../store/store.ts';

/** What a person or a key may do: an auditor reads, an admin changes the network, an owner changes who may do so as well. */
export type Role = 'owner' | 'admin' | 'auditor';

const RANKS: Readonly<Record<Role, number>> = { auditor: 0, admin: 1, owner: 2 };

/** Who sent a request, as the authentication in front of every route found out; `actor` and `source` go into the audit log. */
export interface Actor extends AuditActor {
  role: Role;
  /** The account, for a person who signed in; null for an API key. */
  userId: string | null;
  /** Empty for a person; what a key is limited to, such as `machines:read`. */
  scopes: readonly string[];
}

/** The variables of a Hono context behind the authentication. */
export interface AdminEnvironment {
  Variables: { actor: Actor };
}

/** Whether a role includes another's rights. */
export function includesRole(role: Role, wanted: Role): boolean {
  return RANKS[role] >= RANKS[wanted];
}
