import type { Context, MiddlewareHandler } from 'hono';
import type { SessionRecord } from '../store/accounts/accounts.ts';
import { type Actor, type AdminEnvironment, lesserRole } from './actor.ts';
import { problem } from './api/problem.ts';
import { remoteAddress } from './connection.ts';
import { cookie } from './cookies.ts';
import type { AdminDependencies } from './dependencies.ts';
import { isBearer } from './guards.ts';
import { notAllowedPage } from './pages/not-allowed.ts';
import { mayRequest } from './permissions.ts';

type AdminContext = Context<AdminEnvironment>;

/** A live part of a page fetches itself again with this header: that is nothing a person did, and keeps no session alive. */
const REFRESH_HEADER = 'Warren-Refresh';

/** Finds out who sent a request, and lets nobody on who may not send it. */
export function authentication(dependencies: AdminDependencies): MiddlewareHandler<AdminEnvironment> {
  const { sessions } = dependencies;
  return async (context, next) => {
    const { path, method } = context.req;
    const found = await identify(context, dependencies);
    if (found === null) {
      if (isApi(path)) {
        context.header('WWW-Authenticate', 'Bearer');
        return problem(context, 401, 'no session and no good API key was sent', { code: 'unauthenticated' });
      }
      if (!isNavigation(context)) return context.text('Sign in first.\n', 401);
      const here = `${path}${new URL(context.req.url).search}`;
      return context.redirect(here === '/' ? '/sign-in' : `/sign-in?return=${encodeURIComponent(here)}`, 303);
    }
    const { actor, session } = found;
    if (!mayRequest(actor, method, path)) {
      const why =
        actor.apiKeyId === null
          ? `the role ${actor.role} does not allow this`
          : actor.scopes.includes('*')
            ? `a key of the role ${actor.role} may not do this`
            : `the scopes of this key (${actor.scopes.join(' ')}) do not allow this`;
      if (isNavigation(context)) return context.html(notAllowedPage(actor), 403);
      return isApi(path)
        ? problem(context, 403, why, { code: 'permission-denied' })
        : context.text(`${why}\n`, 403);
    }
    if (session !== null && context.req.header(REFRESH_HEADER) === undefined) await sessions.touch(session);
    context.set('actor', actor);
    context.set('session', session);
    const confirmation = cookie(context, 'confirmed');
    const confirmedUntil = session === null ? Infinity : sessions.confirmedUntil(session, confirmation);
    context.set('confirmedUntil', confirmedUntil);
    context.set('isStillIn', async () => {
      const now = await identify(context, dependencies);
      return now !== null && mayRequest(now.actor, method, path);
    });
    return next();
  };
}

/** By the key of an Authorization header where there is one, else by the session's cookie. */
async function identify(
  context: AdminContext,
  { sessions, apiKeys }: AdminDependencies,
): Promise<{ actor: Actor; session: SessionRecord | null } | null> {
  const source = remoteAddress(context);
  const header = context.req.header('Authorization');
  if (isBearer(header)) {
    const found =
      isApi(context.req.path) || context.req.path === '/metrics' ? await apiKeys.find(header) : null;
    if (found === null) return null;
    const { key, user } = found;
    const role = lesserRole(key.role, user.role);
    const actor = `api-key:${key.name} of ${user.name}`;
    const { id: userId, name: userName } = user;
    return {
      actor: { actor, source, role, userId, userName, apiKeyId: key.id, scopes: key.scopes },
      session: null,
    };
  }
  const found = await sessions.find(cookie(context, 'session'));
  if (found === null) return null;
  const { session, user } = found;
  const { id: userId, name: userName, role } = user;
  return {
    actor: { actor: `admin:${userName}`, source, role, userId, userName, apiKeyId: null, scopes: [] },
    session,
  };
}

function isApi(path: string): boolean {
  return path.startsWith('/api/');
}

/** Whether a browser opens a page, as against a script that fetches a part of one. */
function isNavigation(context: AdminContext): boolean {
  return (
    context.req.method === 'GET' &&
    context.req.header(REFRESH_HEADER) === undefined &&
    (context.req.header('Accept') ?? '').includes('text/html')
  );
}
