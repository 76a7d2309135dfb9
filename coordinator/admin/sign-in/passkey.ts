import type { Context, Hono } from 'hono';
import { describeError, WarrenError } from '../../../shared/errors.ts';
import { Passkeys } from '../accounts/passkeys.ts';
import { returnPath } from '../accounts/return-path.ts';
import type { AdminEnvironment } from '../actor.ts';
import { STATUS } from '../api/problem.ts';
import { ownOrigin, remoteAddress } from '../connection.ts';
import type { AdminDependencies } from '../dependencies.ts';
import { enter, refused } from './enter.ts';
import { tooMany } from './passphrase.ts';

type AdminContext = Context<AdminEnvironment>;

/** Seconds. */
const SHORT_WAIT = 10;

/** Signing in with a passkey alone; assets/sign-in.js talks to these in JSON. */
export function addPasskeySignIn(app: Hono<AdminEnvironment>, dependencies: AdminDependencies): void {
  const { store, tickets, clock, throttle, pace } = dependencies;
  const passkeys = new Passkeys(store, tickets, clock);

  app.post('/sign-in/passkey/options', async (context) => {
    if (!pace.mayBegin(remoteAddress(context))) return waitAnswer(context, SHORT_WAIT);
    try {
      return context.json(await passkeys.beginSignIn(ownOrigin(context)));
    } catch (error) {
      return refusal(context, error);
    }
  });

  app.post('/sign-in/passkey', async (context) => {
    const wait = throttle.attempt(null, remoteAddress(context));
    if (wait !== null) return waitAnswer(context, wait.seconds);
    const json: unknown = await context.req.json().catch(() => null);
    const sent = (typeof json === 'object' && json !== null ? json : {}) as Record<string, unknown>;
    const ticket = typeof sent.ticket === 'string' ? sent.ticket : '';
    try {
      const user = await passkeys.finishSignIn({ ticket, response: sent.response });
      await enter(context, dependencies, user, 'passkey');
      throttle.succeeded(null, remoteAddress(context));
    } catch (error) {
      if (error instanceof WarrenError && STATUS[error.code] < 500) {
        await refused(context, dependencies, '', `by passkey: ${error.message}`);
      }
      return refusal(context, error);
    }
    return context.json({ location: returnPath(typeof sent.return === 'string' ? sent.return : undefined) });
  });
}

function refusal(context: AdminContext, error: unknown): Response {
  if (!(error instanceof WarrenError)) throw error;
  const status = STATUS[error.code];
  if (status >= 500) throw error;
  return context.json({ detail: describeError(error) }, status);
}

function waitAnswer(context: AdminContext, seconds: number): Response {
  context.header('Retry-After', String(seconds));
  return context.json({ detail: tooMany(seconds) }, 429);
}
