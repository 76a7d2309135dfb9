import type { Hono } from 'hono';
import { html } from 'hono/html';
import type { ApiKeyRecord } from '../../store/accounts/accounts.ts';
import type { AdminEnvironment } from '../actor.ts';
import type { AdminDependencies } from '../dependencies.ts';
import { SCOPES } from '../permissions.ts';
import { layout } from './layout.ts';
import { actionButton } from './parts/action-button.ts';
import { badge } from './parts/badge.ts';
import { selectField, textField } from './parts/field.ts';
import type { Fragment } from './parts/fragment.ts';
import { pageHead } from './parts/page-head.ts';
import { relativeTime } from './parts/time.ts';
import { ROLE_OPTIONS } from './users.ts';

const DAY = 24 * 3_600;

/** Keys for programs: `/api-keys`. For owners. */
export function registerApiKeys(app: Hono<AdminEnvironment>, { store, clock }: AdminDependencies): void {
  const table = async () => {
    const names = new Map((await store.accounts.listUsers()).map(({ id, name }) => [id, name]));
    return keyTable(await store.accounts.listApiKeys(), names, clock.wall());
  };
  app.get('/api-keys', async (context) =>
    context.html(
      layout({
        title: 'API keys',
        actor: context.get('actor'),
        section: '/users',
        scripts: ['api-keys.js'],
        body: html`${pageHead({
          title: 'API keys',
          up: { path: '/users', name: 'Users' },
          about: html`For programs that use the <a href="/api/v1/openapi.json">HTTP API</a>, as
            <code>Authorization: Bearer KEY</code>. A key acts for whoever made it, and ends with that account.`,
        })}
          <div class="stack">
            ${newKey()}
            <section class="card flush" aria-labelledby="keys">
              <div class="card-head"><h2 id="keys">Keys</h2></div>
              <div id="key-table" data-live="/api-keys/table">${await table()}</div>
            </section>
          </div>`,
      }),
    ),
  );
  app.get('/api-keys/table', async (context) => context.html(await table()));
}

/** The form that makes a key, and the place where assets/api-keys.js shows it once. */
function newKey(): Fragment {
  return html`<section class="card" aria-labelledby="new">
      <h2 id="new">New key</h2>
      <form class="form" id="new-key" data-action="POST /api-keys" novalidate>
        <div class="field-row">
          ${textField({ id: 'key-name', name: 'name', label: 'Name', required: true, placeholder: 'backup job' })}
          ${selectField({ id: 'key-role', name: 'role', label: 'Role', value: 'auditor', options: ROLE_OPTIONS, hint: 'Never more than yours.' })}
          ${selectField({
            id: 'key-expires',
            name: 'expiresIn',
            label: 'Good for',
            reads: 'number',
            value: String(90 * DAY),
            options: [
              { value: String(DAY), label: '1 day' },
              { value: String(30 * DAY), label: '30 days' },
              { value: String(90 * DAY), label: '90 days' },
              { value: String(365 * DAY), label: '1 year' },
              { value: '', label: 'no end' },
            ],
          })}
        </div>
        <fieldset class="field">
          <legend>Scopes</legend>
          <p class="hint">What of the role it may do. To write includes to read.</p>
          <div class="choices">${SCOPES.map(
            (scope) =>
              html`<label class="choice"><input type="checkbox" name="scopes" value="${scope}"> <code>${scope}</code>${
                scope === '*' ? ' (all)' : ''
              }</label>`,
          )}</div>
        </fieldset>
        <div class="form-foot"><button type="submit" class="primary">Make key</button></div>
      </form>
      <div id="made" tabindex="-1" hidden></div>
      <template id="made-key">
        <p class="banner good">This is the only time that the key is shown.</p>
        <div class="code wrap">
          <pre tabindex="0"><code data-secret></code></pre>
          <button type="button" class="small" data-copy><span>Copy</span><span class="hidden"> key</span></button>
        </div>
        <div class="form-foot"><button type="button" data-another>Make another</button></div>
      </template>
    </section>`;
}

function keyTable(keys: readonly ApiKeyRecord[], names: ReadonlyMap<string, string>, now: number): Fragment {
  if (keys.length === 0) return html`<p class="note quiet">There are none.</p>`;
  return html`<div class="table-wrap"><table class="cards">
      <caption class="hidden">API keys</caption>
      <thead>
        <tr>
          <th scope="col">Name</th><th scope="col">May</th><th scope="col">Made</th><th scope="col">Expires</th>
          <th scope="col">Last used</th><th scope="col"><span class="hidden">Actions</span></th>
        </tr>
      </thead>
      <tbody>${keys.map(
        (key) => html`<tr data-key="${key.id}">
          <th scope="row"><span class="row-name">${key.name}</span><br><code class="quiet">${key.id}</code></th>
          <td data-label="May"><div class="badges">${badge(key.role, 'info')}${key.scopes.map((scope) => badge(scope))}</div></td>
          <td data-label="Made">${relativeTime(key.createdAt, now)} <span class="quiet">by ${names.get(key.userId) ?? ''}</span></td>
          <td data-label="Expires" class="nowrap">${
            key.expiresAt !== 0 && key.expiresAt <= now
              ? badge('expired', 'bad')
              : relativeTime(key.expiresAt, now)
          }</td>
          <td data-label="Last used" class="nowrap">${relativeTime(key.lastUsedAt, now)}</td>
          <td class="actions">${actionButton({
            label: 'Remove',
            of: key.name,
            request: `DELETE /api-keys/${key.id}`,
            tone: 'danger-quiet',
            small: true,
            confirm: {
              title: `Remove the key ${key.name}?`,
              text: 'Programs that use it are refused from now on. This cannot be undone; you can make another.',
              button: 'Remove',
            },
            done: 'The key is removed',
          })}</td>
        </tr>`,
      )}</tbody>
    </table></div>`;
}
