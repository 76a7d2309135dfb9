import type { Context, Hono } from 'hono';
import { html } from 'hono/html';
import type { UserRecord } from '../../store/accounts/accounts.ts';
import { MIN_PASSPHRASE } from '../accounts/passphrase-rules.ts';
import type { AdminEnvironment } from '../actor.ts';
import { ownAccount } from '../api/account.ts';
import type { AdminDependencies } from '../dependencies.ts';
import { passkeyList } from './account-passkeys.ts';
import { secondFactor, secondFactorTemplates } from './account-second-factor.ts';
import { sessionList } from './account-sessions.ts';
import { layout } from './layout.ts';
import { actionButton } from './parts/action-button.ts';
import { badge } from './parts/badge.ts';
import { textField } from './parts/field.ts';
import type { Fragment } from './parts/fragment.ts';
import { pageHead } from './parts/page-head.ts';

/** One's own account: `/account`. */
export function registerAccount(app: Hono<AdminEnvironment>, dependencies: AdminDependencies): void {
  const { store, clock } = dependencies;
  const passkeys = async (user: UserRecord) =>
    passkeyList(await store.accounts.listPasskeys(user.id), clock.wall());
  const factor = async (user: UserRecord) => secondFactor(await store.accounts.credentials(user.id));
  const sessions = async (context: Context<AdminEnvironment>, user: UserRecord) =>
    sessionList(await store.accounts.listSessions(user.id), context.get('session')?.id ?? '', clock.wall());

  app.get('/account', async (context) => {
    const user = await ownAccount(context, dependencies);
    return context.html(
      layout({
        title: 'Account',
        actor: context.get('actor'),
        section: '/account',
        scripts: ['account.js'],
        body: html`${pageHead({ title: user.displayName, about: about(user) })}
          <div class="stack">
            ${
              user.isManaged
                ? byProvider()
                : ownCredentials(passphraseSection(user), await factor(user), await passkeys(user))
            }
            <section class="card flush" aria-labelledby="sessions">
              <div class="card-head">
                <h2 id="sessions">Where you are signed in</h2>
                <div class="cluster">
                  ${actionButton({
                    label: 'Sign out everywhere',
                    request: 'DELETE /account/sessions',
                    tone: 'danger-quiet',
                    confirm: {
                      title: 'Sign out everywhere?',
                      text: 'All your sessions end, this one too. API keys stay.',
                      button: 'Sign out',
                      safe: true,
                    },
                    goTo: '/sign-in',
                  })}
                </div>
              </div>
              <div id="session-list" data-live="/account/sessions">${await sessions(context, user)}</div>
            </section>
          </div>`,
      }),
    );
  });

  const own = (context: Context<AdminEnvironment>) => ownAccount(context, dependencies);
  app.get('/account/factor', async (context) => context.html(await factor(await own(context))));
  app.get('/account/passkeys', async (context) => context.html(await passkeys(await own(context))));
  app.get('/account/sessions', async (context) => context.html(await sessions(context, await own(context))));
}

function about(user: UserRecord): Fragment {
  const groups = user.groups.map((group) => html` ${badge(group)}`);
  return html`<code>${user.name}</code>, ${user.role}${user.groups.length === 0 ? '' : html`, in${groups}`}`;
}

function byProvider(): Fragment {
  return html`<section class="card"><p>You sign in by your provider. Passphrase, second factor and passkeys are kept there.</p></section>`;
}

function ownCredentials(passphrase: Fragment, factor: Fragment, passkeys: Fragment): Fragment {
  return html`${passphrase}
    <section class="card" aria-labelledby="second-factor">
      <h2 id="second-factor">Second factor</h2>
      <div id="factor" data-live="/account/factor">${factor}</div>
      <div id="totp-setup" tabindex="-1" hidden></div>
      ${secondFactorTemplates()}
    </section>
    <section class="card flush" aria-labelledby="passkeys">
      <div class="card-head">
        <h2 id="passkeys">Passkeys</h2>
        <button type="button" id="add-passkey" hidden>Add a passkey</button>
      </div>
      <p class="note error" id="passkey-error" role="alert" hidden></p>
      <div id="passkey-list" data-live="/account/passkeys">${passkeys}</div>
    </section>`;
}

function passphraseSection(user: UserRecord): Fragment {
  return html`<section class="card" aria-labelledby="passphrase-head">
      <h2 id="passphrase-head">Passphrase</h2>
      <form class="form narrow" data-action="PUT /account/passphrase" data-done="The passphrase is set; other sessions ended" novalidate>
        <input type="text" autocomplete="username" value="${user.name}" hidden>
        ${
          user.hasPassphrase
            ? textField({
                id: 'current',
                name: 'current',
                label: 'Passphrase of now',
                type: 'password',
                required: true,
                autocomplete: 'current-password',
              })
            : html`<p class="quiet">This account has none yet; it signs in otherwise.</p>`
        }
        ${textField({
          id: 'passphrase',
          name: 'passphrase',
          label: 'New passphrase',
          type: 'password',
          required: true,
          autocomplete: 'new-password',
          hint: `At least ${MIN_PASSPHRASE} characters. A few words that nobody else would put together do well.`,
        })}
        <div class="form-foot"><button type="submit" class="primary">Set the passphrase</button></div>
      </form>
    </section>`;
}
