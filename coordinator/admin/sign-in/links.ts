import type { Context, Hono } from 'hono';
import { WarrenError } from '../../../shared/errors.ts';
import { canonicalUserName } from '../../network/user-names.ts';
import { passphraseProblem } from '../accounts/passphrase-rules.ts';
import type { AdminEnvironment } from '../actor.ts';
import { remoteAddress } from '../connection.ts';
import type { AdminDependencies } from '../dependencies.ts';
import { secondFactorPage } from '../pages/sign-in.ts';
import { badLinkPage, firstRunPage, welcomePage } from '../pages/welcome.ts';
import { enter, refused, signingIn } from './enter.ts';
import { field, tooMany } from './passphrase.ts';

type AdminContext = Context<AdminEnvironment>;

/**
 * What one-time links lead to: the first owner makes an account, and whoever was invited or forgot sets a passphrase. Opening
 * a link uses nothing up, so that a program which only follows it (a preview, a scanner) does no harm.
 */
export function addLinks(app: Hono<AdminEnvironment>, dependencies: AdminDependencies): void {
  const { store, tickets, passphrases, throttle } = dependencies;

  const badLink = async (context: AdminContext) => {
    const wait = throttle.attempt(null, remoteAddress(context));
    if (wait === null || wait.isNew) await refused(context, dependencies, '', 'unknown, used or old link');
    if (wait === null) return context.html(badLinkPage(null), 401);
    context.header('Retry-After', String(wait.seconds));
    return context.html(badLinkPage(tooMany(wait.seconds)), 429);
  };

  app.get('/first-run', async (context) => {
    const code = context.req.query('code') ?? '';
    if ((await tickets.peek('first-run', code)) === null) return context.html(badLinkPage(null), 401);
    return context.html(firstRunPage({ code }));
  });

  app.post('/first-run', async (context) => {
    const code = await field(context, 'code');
    if ((await tickets.peek('first-run', code)) === null) return badLink(context);
    const name = await field(context, 'name');
    const displayName = await field(context, 'displayName');
    const passphrase = await field(context, 'passphrase');
    const errors = {
      ...(canonicalUserName(name) === null
        ? { name: 'letters, digits, dots and hyphens, such as ada or ada@example.com' }
        : {}),
      ...passphraseErrors(passphrase, await field(context, 'again'), name),
    };
    if (Object.keys(errors).length > 0) {
      return context.html(firstRunPage({ code, name, displayName, errors }), 422);
    }
    const passphraseHash = await passphrases.hash(passphrase);
    if ((await tickets.take('first-run', code)) === null) return badLink(context);
    try {
      const user = await store.accounts.createFirstOwner(
        { name, displayName, role: 'owner', passphraseHash },
        signingIn(context, dependencies),
      );
      await enter(context, dependencies, user, 'first run');
    } catch (error) {
      if (error instanceof WarrenError && error.code === 'conflict') return badLink(context);
      throw error;
    }
    return context.redirect('/', 303);
  });

  app.get('/welcome', async (context) => {
    const code = context.req.query('code') ?? '';
    const user = await guest(code);
    return user === null
      ? context.html(badLinkPage(null), 401)
      : context.html(welcomePage({ code, userName: user.name }));
  });

  app.post('/welcome', async (context) => {
    const code = await field(context, 'code');
    const user = await guest(code);
    if (user === null) return badLink(context);
    const passphrase = await field(context, 'passphrase');
    const errors = passphraseErrors(passphrase, await field(context, 'again'), user.name);
    if (Object.keys(errors).length > 0) {
      return context.html(welcomePage({ code, userName: user.name, errors }), 422);
    }
    const hash = await passphrases.hash(passphrase);
    if ((await tickets.take('welcome', code)) === null) return badLink(context);
    await store.accounts.setPassphrase(user.id, hash, null, signingIn(context, dependencies));
    throttle.succeeded(user.name, remoteAddress(context));
    if (user.hasTotp) {
      // The link stands for the passphrase alone; one that takes the second factor away is made with `reset`.
      const ticket = await tickets.issue('second-factor', user.id);
      return context.html(secondFactorPage({ ticket, returnTo: '/' }));
    }
    await enter(context, dependencies, user, 'one-time link');
    return context.redirect('/', 303);
  });

  /** Whose link it is; null for one that is not good. */
  async function guest(code: string) {
    const ticket = await tickets.peek('welcome', code);
    const user = ticket?.userId == null ? null : await store.accounts.user(ticket.userId);
    return user === null || user.disabled ? null : user;
  }
}

function passphraseErrors(passphrase: string, again: string, name: string): Record<string, string> {
  const problem = passphraseProblem(passphrase, name);
  if (problem !== null) return { passphrase: problem };
  return passphrase === again ? {} : { again: 'not the same as above' };
}
