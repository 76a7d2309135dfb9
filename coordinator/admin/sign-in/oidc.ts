import type { Hono } from 'hono';
import { describeError, WarrenError } from '../../../shared/errors.ts';
import { returnPath } from '../accounts/return-path.ts';
import type { AdminEnvironment } from '../actor.ts';
import { ownOrigin, remoteAddress } from '../connection.ts';
import { cookie, dropCookie, putCookie } from '../cookies.ts';
import type { AdminDependencies } from '../dependencies.ts';
import type { Started } from '../oidc/provider.ts';
import { notAdmittedPage } from '../pages/sign-in.ts';
import { enter, refused, signingIn } from './enter.ts';

/** Where providers send browsers back to; to be registered with them. */
export const CALLBACK = '/sign-in/oidc/callback';

interface Kept extends Started {
  provider: number;
  redirectUri: string;
  returnTo: string;
}

/** Signing in by an OpenID Connect provider. The cookie binds the way back to the browser that went. */
export function addOidcSignIn(app: Hono<AdminEnvironment>, dependencies: AdminDependencies): void {
  const { store, tickets, providers, log, pace } = dependencies;

  app.get('/sign-in/oidc/start', async (context) => {
    const index = Number(context.req.query('provider') ?? 0);
    const provider = providers[index];
    if (provider === undefined) return context.notFound();
    if (!pace.mayBegin(remoteAddress(context))) {
      context.header('Retry-After', '10');
      return context.html(notAdmittedPage('too many tries; wait for some seconds'), 429);
    }
    const redirectUri = `${ownOrigin(context)}${CALLBACK}`;
    try {
      const { url, started } = await provider.begin(redirectUri, context.req.query('anew') !== undefined);
      const returnTo = returnPath(context.req.query('return'));
      const kept: Kept = { ...started, provider: index, redirectUri, returnTo };
      putCookie(context, 'oidc', await tickets.issue('oidc', null, kept));
      return context.redirect(url.href, 303);
    } catch (error) {
      if (!(error instanceof WarrenError) || error.code !== 'unavailable') throw error;
      log.warn({ err: error, issuer: provider.config.issuer }, 'a provider cannot be reached for signing in');
      return context.html(notAdmittedPage(describeError(error)), 503);
    }
  });

  app.get(CALLBACK, async (context) => {
    const ticket = await tickets.take('oidc', cookie(context, 'oidc'));
    dropCookie(context, 'oidc');
    if (ticket === null) return context.html(notAdmittedPage('that took too long; sign in again'), 401);
    const { provider: index, redirectUri, returnTo, ...started } = JSON.parse(ticket.data) as Kept;
    const provider = providers[index];
    if (provider === undefined) return context.notFound();
    const cameBackBy = new URL(redirectUri);
    cameBackBy.search = new URL(context.req.url).search;
    try {
      const { identity, admitted } = await provider.finish(cameBackBy, started);
      const by = { ...signingIn(context, dependencies), actor: `oidc:${provider.config.label}` };
      const user = await store.accounts.signInByIdentity(identity, admitted, by);
      if (user === null) {
        await refused(context, dependencies, '', `no rule admits ${identity.subject} of ${identity.issuer}`);
        const text = `${provider.config.label} knows you, but this network does not admit you; ask an owner of it`;
        return context.html(notAdmittedPage(text), 403);
      }
      await enter(context, dependencies, user, provider.config.label);
      return context.redirect(returnTo, 303);
    } catch (error) {
      if (!(error instanceof WarrenError)) throw error;
      log.warn({ err: error, issuer: provider.config.issuer }, 'signing in by a provider failed');
      await refused(context, dependencies, '', `by ${provider.config.label}: ${error.message}`);
      return context.html(notAdmittedPage(describeError(error)), error.code === 'unavailable' ? 503 : 403);
    }
  });
}
