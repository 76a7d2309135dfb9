import type { Context, Hono } from 'hono';
import type { Credentials, UserRecord } from '../../store/accounts/accounts.ts';
import { returnPath } from '../accounts/return-path.ts';
import { hashRecoveryCode, totpStep } from '../accounts/second-factor.ts';
import type { AdminEnvironment } from '../actor.ts';
import { remoteAddress } from '../connection.ts';
import { cookie } from '../cookies.ts';
import type { AdminDependencies } from '../dependencies.ts';
import { secondFactorPage, signInPage } from '../pages/sign-in.ts';
import { enter, refused, signingIn } from './enter.ts';

type AdminContext = Context<AdminEnvironment>;

const WRONG = 'Name or passphrase is wrong.';
const WRONG_CODE = 'That code is wrong, or was used already.';

/** Signing in with a passphrase, and a code where the account has a second factor. */
export function addPassphraseSignIn(app: Hono<AdminEnvironment>, dependencies: AdminDependencies): void {
  const { store, passphrases, throttle, browsers, tickets, sessions } = dependencies;

  const page = async (
    context: AdminContext,
    status: 200 | 401 | 429,
    told: { name?: string; error?: string },
  ) =>
    context.html(
      signInPage({
        ...told,
        returnTo: returnPath(context.req.query('return') ?? (await field(context, 'return'))),
        isFirstRun: !(await store.accounts.hasOwner()),
        providers: dependencies.providers.map(({ config }) => config.label),
      }),
      status,
    );

  app.get('/sign-in', async (context) => {
    if ((await sessions.find(cookie(context, 'session'))) !== null) {
      return context.redirect(returnPath(context.req.query('return')), 303);
    }
    return page(context, 200, {});
  });

  app.post('/sign-in', async (context) => {
    const name = (await field(context, 'name')).slice(0, 256);
    const passphrase = await field(context, 'passphrase');
    const user = await store.accounts.userNamed(name);
    const guesser = browsers.bucket(cookie(context, 'known'), user) ?? name;
    const wait = throttle.attempt(guesser, remoteAddress(context));
    if (wait !== null) {
      if (wait.isNew) await refused(context, dependencies, user?.name ?? '', 'too many failures');
      context.header('Retry-After', String(wait.seconds));
      return page(context, 429, { name, error: tooMany(wait.seconds) });
    }
    const credentials = user === null ? null : await store.accounts.credentials(user.id);
    // The same work whether there is such an account or not (SEC-57).
    const { isRight, isOutdated } = await passphrases.verify(passphrase, credentials?.passphraseHash ?? null);
    if (user === null || credentials === null || !isRight || user.disabled) {
      const why = user === null ? 'unknown name' : isRight ? 'account disabled' : 'wrong passphrase';
      await refused(context, dependencies, user?.name ?? '', why);
      return page(context, 401, { name, error: WRONG });
    }
    if (isOutdated) await store.accounts.rehashPassphrase(user.id, await passphrases.hash(passphrase));
    throttle.succeeded(guesser, remoteAddress(context));
    const returnTo = returnPath(await field(context, 'return'));
    if (credentials.sealedTotp !== null) {
      const ticket = await tickets.issue('second-factor', user.id);
      return context.html(secondFactorPage({ ticket, returnTo }));
    }
    await enter(context, dependencies, user, 'passphrase');
    return context.redirect(returnTo, 303);
  });

  app.post('/sign-in/second-factor', async (context) => {
    const secret = await field(context, 'ticket');
    const returnTo = returnPath(await field(context, 'return'));
    const ticket = await tickets.peek('second-factor', secret);
    const user = ticket?.userId == null ? null : await store.accounts.user(ticket.userId);
    const credentials = user === null ? null : await store.accounts.credentials(user.id);
    if (user === null || credentials === null) {
      return page(context, 401, { error: 'That took too long. Sign in again.' });
    }
    // Guesses at codes count apart from those at passphrases: who is here had the passphrase right. By the id, for nobody can give
    // that as a name and so have somebody else wait.
    const browser = browsers.bucket(cookie(context, 'known'), user);
    const account = `second factor of ${browser ?? user.id}`;
    const wait = throttle.attempt(account, remoteAddress(context));
    if (wait !== null) {
      if (wait.isNew) await refused(context, dependencies, user.name, 'too many wrong codes');
      context.header('Retry-After', String(wait.seconds));
      return context.html(secondFactorPage({ ticket: secret, returnTo, error: tooMany(wait.seconds) }), 429);
    }
    const method = await checkCode(context, dependencies, user, credentials, await field(context, 'code'));
    if (method === null) {
      await refused(context, dependencies, user.name, 'wrong code');
      return context.html(secondFactorPage({ ticket: secret, returnTo, error: WRONG_CODE }), 401);
    }
    throttle.succeeded(account, remoteAddress(context));
    if ((await tickets.take('second-factor', secret)) === null) {
      return page(context, 401, { error: 'That took too long. Sign in again.' });
    }
    await enter(context, dependencies, user, method);
    return context.redirect(returnTo, 303);
  });
}

/** How the code proves something, having used it up; null for a wrong one. */
async function checkCode(
  context: AdminContext,
  dependencies: AdminDependencies,
  user: UserRecord,
  { sealedTotp }: Credentials,
  code: string,
): Promise<string | null> {
  const { store, sealer, clock, log } = dependencies;
  const secret = sealedTotp === null ? null : sealer.open(sealedTotp, user.id);
  if (secret === null) {
    log.warn({ user: user.name }, 'a second factor was sealed with another accounts.key than this one');
  } else {
    const step = totpStep(secret, code, clock.wall());
    if (step !== null)
      return (await store.accounts.useTotpStep(user.id, step)) ? 'passphrase and TOTP' : null;
  }
  const by = { ...signingIn(context, dependencies), actor: `admin:${user.name}` };
  const isUsed = await store.accounts.useRecoveryCode(user.id, hashRecoveryCode(code), by);
  return isUsed ? 'passphrase and recovery code' : null;
}

/** A field of the form that was sent; empty if it is not there. */
export async function field(context: AdminContext, name: string): Promise<string> {
  if (context.req.method !== 'POST') return '';
  // A body that is no form is a form with nothing in it.
  const body: Record<string, unknown> = await context.req.parseBody().catch(() => ({}));
  const value = body[name];
  return typeof value === 'string' ? value : '';
}

export function tooMany(seconds: number): string {
  const wait = seconds < 120 ? `${seconds} seconds` : `${Math.ceil(seconds / 60)} minutes`;
  return `Too many failures. Try again in ${wait}.`;
}
