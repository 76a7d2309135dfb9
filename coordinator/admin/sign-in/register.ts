import type { Hono } from 'hono';
import type { AdminEnvironment } from '../actor.ts';
import { cookie, dropCookie } from '../cookies.ts';
import type { AdminDependencies } from '../dependencies.ts';
import { addLinks } from './links.ts';
import { addOidcSignIn } from './oidc.ts';
import { addPasskeySignIn } from './passkey.ts';
import { addPassphraseSignIn } from './passphrase.ts';

/** What leads to a session, and so needs none. */
export function registerSignIn(app: Hono<AdminEnvironment>, dependencies: AdminDependencies): void {
  addPassphraseSignIn(app, dependencies);
  addPasskeySignIn(app, dependencies);
  addOidcSignIn(app, dependencies);
  addLinks(app, dependencies);

  // Without a session too: signing out twice is signing out once.
  app.post('/sign-out', async (context) => {
    const found = await dependencies.sessions.find(cookie(context, 'session'));
    if (found !== null) {
      const { session, user } = found;
      await dependencies.store.accounts.endSession(user.id, session.id, {
        actor: `admin:${user.name}`,
        source: context.get('connection').address,
        now: dependencies.clock.wall(),
        userId: user.id,
      });
    }
    dropCookie(context, 'session');
    dropCookie(context, 'confirmed');
    return context.redirect('/sign-in', 303);
  });
}
