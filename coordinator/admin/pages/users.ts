import type { Hono } from 'hono';
import { html } from 'hono/html';
import type { Role, UserRecord } from '../../store/accounts/accounts.ts';
import { LINK_LIFETIME } from '../accounts/links.ts';
import type { Actor, AdminEnvironment } from '../actor.ts';
import { entityTag } from '../api/entity-tag.ts';
import { userView } from '../api/users.ts';
import type { AdminDependencies } from '../dependencies.ts';
import { layout } from './layout.ts';
import { actionButton } from './parts/action-button.ts';
import { badge } from './parts/badge.ts';
import { dialog, dialogButtons } from './parts/dialog.ts';
import { checkBox, selectField, textField } from './parts/field.ts';
import type { Fragment } from './parts/fragment.ts';
import { pageHead } from './parts/page-head.ts';
import { relativeTime } from './parts/time.ts';

/** What each role may, in the words of the form. */
export const ROLE_OPTIONS: readonly { value: Role; label: string }[] = [
  { value: 'auditor', label: 'Auditor: may look, not change' },
  { value: 'admin', label: 'Administrator: may change the network' },
  { value: 'owner', label: 'Owner: may change who does so, too' },
];

/** Accounts: invited, changed, disabled, removed: `/users`. For owners. */
export function registerUsers(app: Hono<AdminEnvironment>, { store, clock }: AdminDependencies): void {
  const table = async (actor: Actor) => userTable(await store.accounts.listUsers(), actor, clock.wall());
  app.get('/users', async (context) => {
    const actor = context.get('actor');
    return context.html(
      layout({
        title: 'Users',
        actor,
        section: '/users',
        scripts: ['users.js'],
        body: html`${pageHead({
          title: 'Users',
          about: html`People who administer this network. Programs use <a href="/api-keys">API keys</a>.`,
        })}
          <div class="stack">
            ${invitation()}
            <section class="card flush" aria-labelledby="accounts">
              <div class="card-head"><h2 id="accounts">Accounts</h2></div>
              <div id="user-table" data-live="/users/table">${await table(actor)}</div>
            </section>
          </div>`,
      }),
    );
  });
  app.get('/users/table', async (context) => context.html(await table(context.get('actor'))));
}

/** The form that makes an account, and the place where assets/users.js shows a link once. */
function invitation(): Fragment {
  return html`<section class="card" aria-labelledby="invite">
      <h2 id="invite">Invite somebody</h2>
      <form class="form" id="invite-form" data-action="POST /users" novalidate>
        <div class="field-row">
          ${textField({ id: 'user-name', name: 'name', label: 'Name', required: true, placeholder: 'ada@example.com', hint: 'For signing in, and for the policy.' })}
          ${textField({ id: 'user-display', name: 'displayName', label: 'Full name', placeholder: 'Ada Lovelace' })}
          ${selectField({ id: 'user-role', name: 'role', label: 'Role', value: 'auditor', options: ROLE_OPTIONS })}
        </div>
        <div class="form-foot"><button type="submit" class="primary">Make the link</button></div>
      </form>
      <div id="link" tabindex="-1" hidden></div>
      <template id="link-template">
        <p class="banner good"><span>Give this link to <strong data-name></strong>. It is shown this once, is good once and for
          ${LINK_LIFETIME}, and sets a passphrase.</span></p>
        <div class="code wrap">
          <pre tabindex="0"><code data-link></code></pre>
          <button type="button" class="small" data-copy><span>Copy</span><span class="hidden"> link</span></button>
        </div>
        <div class="form-foot"><button type="button" data-again>Done</button></div>
      </template>
    </section>`;
}

function userTable(users: readonly UserRecord[], actor: Actor, now: number): Fragment {
  return html`<div class="table-wrap"><table class="cards">
      <caption class="hidden">Accounts</caption>
      <thead>
        <tr>
          <th scope="col">Name</th><th scope="col">Role</th><th scope="col">Signs in by</th>
          <th scope="col">Last time</th><th scope="col"><span class="hidden">Actions</span></th>
        </tr>
      </thead>
      <tbody>${users.map((user) => row(user, user.id === actor.userId, now))}</tbody>
    </table></div>
    ${users.map(editDialog)}`;
}

function row(user: UserRecord, isSelf: boolean, now: number): Fragment {
  return html`<tr data-key="${user.id}">
      <th scope="row"><span class="row-name">${user.displayName}</span> ${isSelf ? badge('you', 'info') : ''}${
        user.displayName === user.name ? '' : html`<br><code class="quiet">${user.name}</code>`
      }</th>
      <td data-label="Role">${badge(user.role, user.role === 'owner' ? 'info' : 'neutral')}${
        user.disabled ? html` ${badge('disabled', 'bad')}` : ''
      }</td>
      <td data-label="Signs in by">${waysIn(user)}</td>
      <td data-label="Last time">${relativeTime(user.lastSignInAt, now)}</td>
      <td class="actions"><div class="cluster">
        <button type="button" class="small" data-dialog="user-${user.id}">Edit<span class="hidden"> ${user.name}</span></button>
        ${
          user.disabled || user.isManaged
            ? ''
            : html`<span class="cluster" data-link-for="${user.name}">${actionButton({
                label: 'New link',
                of: `for ${user.name}`,
                request: `POST /users/${user.id}/link`,
                body: {},
                small: true,
                confirm: {
                  title: `A link for ${user.name}?`,
                  text: `Whoever has the link sets a passphrase for this account and is signed in${user.hasTotp ? ', after a code of its second factor' : ''}. What opens the account now stays until then.`,
                  button: 'Make the link',
                  safe: true,
                },
              })} ${isSelf ? '' : resetButton(user)}</span>`
        }
        ${
          isSelf
            ? ''
            : actionButton({
                label: 'Remove',
                of: user.name,
                request: `DELETE /users/${user.id}`,
                tone: 'danger-quiet',
                small: true,
                confirm: {
                  title: `Remove ${user.name}?`,
                  text: 'Sessions, API keys and join tokens of this account end. Its machines stay and are nobody’s. This cannot be undone.',
                  button: 'Remove',
                },
                done: `${user.name} is removed`,
              })
        }
      </div></td>
    </tr>`;
}

/** For whoever lost the second factor too. It stays when there is none any more: the answer comes by it (assets/users.js). */
function resetButton(user: UserRecord): Fragment {
  return actionButton({
    label: 'Reset',
    of: user.name,
    request: `POST /users/${user.id}/link`,
    body: { reset: true },
    small: true,
    confirm: {
      title: `Reset how ${user.name} signs in?`,
      text: 'Passphrase, second factor, passkeys and sessions of this account end at once. You get a link for a new passphrase.',
      button: 'Reset',
    },
  });
}

function waysIn(user: UserRecord): string {
  const ways = [
    ...(user.hasPassphrase ? [user.hasTotp ? 'passphrase and TOTP' : 'passphrase'] : []),
    ...(user.isManaged ? ['provider'] : []),
  ];
  return ways.length === 0 ? 'nothing yet' : ways.join(', ');
}

function editDialog(user: UserRecord): Fragment {
  const id = `user-${user.id}`;
  return dialog({
    id,
    title: html`Edit ${user.name}`,
    body: html`<form class="form" data-action="PATCH /users/${user.id}" data-done="${user.name} is changed"
        data-if-match="${entityTag(JSON.stringify(userView(user)))}" novalidate>
        ${textField({ id: `${id}-display`, name: 'displayName', label: 'Full name', value: user.displayName })}
        ${
          user.isManaged
            ? html`<p class="quiet">Role: ${user.role}. It follows the groups of the provider.</p>`
            : selectField({
                id: `${id}-role`,
                name: 'role',
                label: 'Role',
                value: user.role,
                options: ROLE_OPTIONS,
              })
        }
        ${checkBox({
          id: `${id}-disabled`,
          name: 'disabled',
          label: 'Disabled',
          checked: user.disabled,
          hint: 'Cannot sign in; sessions end and API keys stop. Machines are not touched.',
        })}
        ${dialogButtons('Save')}
      </form>`,
  });
}
