import { canonicalUserName } from '../../network/user-names.ts';
import type { AdmittedIdentity, Role } from '../../store/accounts/accounts.ts';
import { includesRole } from '../actor.ts';
import type { AdmissionRule } from './config.ts';

/** More groups than anybody needs; a bound on what a provider can make us store. */
const MAX_GROUPS = 200;

/** Claims of an ID token and of UserInfo, untrusted as to their form. */
export type Claims = Readonly<Record<string, unknown>>;

/** What the rules make of what a provider says of somebody; null when none of them lets them in. */
export function admission(
  claims: Claims,
  options: { issuer: string; groupsClaim: string; admit: readonly AdmissionRule[] },
): AdmittedIdentity | null {
  const groups = groupsOf(claims[options.groupsClaim]);
  const email = verifiedEmail(claims);
  const domain = email?.slice(email.lastIndexOf('@') + 1);
  const roles = options.admit
    .filter(
      (rule) =>
        (rule.group === undefined || groups.includes(rule.group)) &&
        (rule.domain === undefined || rule.domain.toLowerCase() === domain),
    )
    .map(({ role }) => role);
  const [first, ...more] = roles;
  if (first === undefined) return null;
  const { host } = new URL(options.issuer);
  return {
    role: more.reduce<Role>((best, role) => (includesRole(best, role) ? best : role), first),
    name: email ?? localName(claims),
    displayName: text(claims.name) ?? email ?? localName(claims),
    groups: groups.map((group) => `${group}@${host}`),
  };
}

/** An address that the provider vouches for; an unverified one is whatever somebody typed. */
function verifiedEmail(claims: Claims): string | null {
  if (claims.email_verified !== true && claims.email_verified !== 'true') return null;
  const email = text(claims.email)?.toLowerCase();
  return email?.includes('@') && canonicalUserName(email) !== null ? email : null;
}

/** Without a domain, so that it is never taken for somebody's address. */
function localName(claims: Claims): string {
  const wished = text(claims.preferred_username)?.split('@')[0] ?? '';
  return canonicalUserName(wished.replace(/[^A-Za-z0-9._+-]/g, '-').slice(0, 64)) ?? 'user';
}

function groupsOf(claim: unknown): string[] {
  const list = typeof claim === 'string' ? [claim] : Array.isArray(claim) ? claim : [];
  return list
    .filter((group): group is string => typeof group === 'string' && group !== '' && group.length <= 200)
    .slice(0, MAX_GROUPS);
}

function text(claim: unknown): string | undefined {
  return typeof claim === 'string' && claim.trim() !== '' ? claim.trim() : undefined;
}
