import { type Actor, includesRole, type Role } from './actor.ts';

/** What a path asks of whoever comes, for methods that read and for those that change something. */
interface Area {
  /** The path itself and everything below it; of several the longest counts. */
  path: string;
  read: Role;
  change: Role;
  /** Scopes of an API key: `SCOPE:read` and `SCOPE:write`; null for what people alone may do. */
  scope: string | typeof EVERY_KEY | null;
  /** Whether keys may look and no more, so that there is no `SCOPE:write`. */
  keysRead?: true;
  /** Methods for which a person has to have proved minutes ago who they are: what takes an account over, or outlives a stolen session. */
  confirmed?: readonly string[];
}

/** In the place of a scope: whatever its scopes, a key may do it. */
const EVERY_KEY = Symbol('every key');

/**
 * The one table of who may do what (SEC-58). A path that is not here is nobody's: a new area of the API or of the pages gets
 * its line first. Changes of one's own account are open to every role.
 */
export const AREAS: readonly Area[] = [
  { path: '/api/v1/me', read: 'auditor', change: 'owner', scope: EVERY_KEY },
  { path: '/api/v1/account', read: 'auditor', change: 'auditor', scope: null },
  { path: '/api/v1/account/passkeys', read: 'auditor', change: 'auditor', scope: null, confirmed: ['POST'] },
  {
    path: '/api/v1/account/totp',
    read: 'auditor',
    change: 'auditor',
    scope: null,
    confirmed: ['POST', 'PUT'],
  },
  { path: '/api/v1/machines', read: 'auditor', change: 'admin', scope: 'machines' },
  { path: '/api/v1/routes', read: 'auditor', change: 'admin', scope: 'machines' },
  { path: '/api/v1/devices', read: 'auditor', change: 'admin', scope: 'devices' },
  { path: '/api/v1/tokens', read: 'auditor', change: 'admin', scope: 'tokens' },
  { path: '/api/v1/policy', read: 'auditor', change: 'admin', scope: 'policy' },
  { path: '/api/v1/policy/check', read: 'auditor', change: 'auditor', scope: 'policy' },
  { path: '/api/v1/policy/explain', read: 'auditor', change: 'auditor', scope: 'policy' },
  { path: '/api/v1/audit', read: 'auditor', change: 'owner', scope: 'audit' },
  { path: '/api/v1/settings', read: 'auditor', change: 'admin', scope: 'settings' },
  { path: '/api/v1/relays', read: 'auditor', change: 'admin', scope: 'relays' },
  { path: '/api/v1/mesh', read: 'auditor', change: 'admin', scope: 'mesh' },
  { path: '/api/v1/events', read: 'auditor', change: 'owner', scope: 'mesh' },
  { path: '/api/v1/openapi.json', read: 'auditor', change: 'owner', scope: EVERY_KEY },
  // A key that makes owners, or links for them, could sign in as one; a key that makes keys could give itself any scope.
  {
    path: '/api/v1/users',
    read: 'owner',
    change: 'owner',
    scope: 'users',
    keysRead: true,
    confirmed: ['POST', 'PATCH', 'DELETE'],
  },
  { path: '/api/v1/api-keys', read: 'owner', change: 'owner', scope: null, confirmed: ['POST'] },
  { path: '/api/v1/backups', read: 'owner', change: 'owner', scope: 'backups', confirmed: ['GET', 'POST'] },
  { path: '/metrics', read: 'auditor', change: 'owner', scope: 'metrics' },
  { path: '/', read: 'auditor', change: 'admin', scope: null },
  { path: '/users', read: 'owner', change: 'owner', scope: null },
  { path: '/api-keys', read: 'owner', change: 'owner', scope: null },
];

const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS']);

/** The scopes that an API key can be given. */
export const SCOPES: readonly string[] = [
  '*',
  ...new Set(
    AREAS.flatMap(({ scope, keysRead }) => {
      if (typeof scope !== 'string') return [];
      return keysRead ? [`${scope}:read`] : [`${scope}:read`, `${scope}:write`];
    }),
  ),
];

/** The area of a path; null for one that the table does not know. */
export function areaOf(path: string): Area | null {
  let found: Area | null = null;
  for (const area of AREAS) {
    if (path !== area.path && !path.startsWith(`${area.path}/`) && !(area.path === '/' && isPage(path))) {
      continue;
    }
    if (found === null || area.path.length > found.path.length) found = area;
  }
  return found;
}

/** Whether somebody may send a request of a method to a path. */
export function mayRequest(actor: Actor, method: string, path: string): boolean {
  const area = areaOf(path);
  if (area === null) return false;
  const reads = SAFE_METHODS.has(method);
  if (!includesRole(actor.role, reads ? area.read : area.change)) return false;
  if (actor.apiKeyId === null) return true;
  return (reads || area.keysRead !== true) && hasScope(actor.scopes, area.scope, reads);
}

/** Whether a person has to have confirmed for this who they are. */
export function asksToConfirm(method: string, path: string): boolean {
  return areaOf(path)?.confirmed?.includes(method === 'HEAD' ? 'GET' : method) ?? false;
}

/** Pages are open to every role by default, as what they show is; the API is not. */
function isPage(path: string): boolean {
  return !path.startsWith('/api/');
}

function hasScope(scopes: readonly string[], scope: Area['scope'], reads: boolean): boolean {
  if (scope === null) return false;
  if (scope === EVERY_KEY || scopes.includes('*')) return true;
  return scopes.includes(`${scope}:write`) || (reads && scopes.includes(`${scope}:read`));
}
