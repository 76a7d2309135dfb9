import { html } from 'hono/html';
import type { PasskeyRecord } from '../../store/accounts/accounts.ts';
import { actionButton } from './parts/action-button.ts';
import type { Fragment } from './parts/fragment.ts';
import { relativeTime } from './parts/time.ts';

/** The passkeys of an account. */
export function passkeyList(passkeys: readonly PasskeyRecord[], now: number): Fragment {
  if (passkeys.length === 0) {
    return html`<p class="note quiet">None. With a passkey you sign in by finger, face or PIN, and nothing can be
      phished. It needs this page by HTTPS and a host name, or as localhost.</p>`;
  }
  return html`<div class="table-wrap"><table class="cards">
      <caption class="hidden">Passkeys</caption>
      <thead>
        <tr>
          <th scope="col">Name</th><th scope="col">For</th><th scope="col">Added</th><th scope="col">Last used</th>
          <th scope="col"><span class="hidden">Actions</span></th>
        </tr>
      </thead>
      <tbody>${passkeys.map(
        (passkey) => html`<tr data-key="${passkey.id}">
          <th scope="row">${passkey.name}</th>
          <td data-label="For">${passkey.relyingParty}</td>
          <td data-label="Added">${relativeTime(passkey.createdAt, now)}</td>
          <td data-label="Last used">${relativeTime(passkey.lastUsedAt, now)}</td>
          <td class="actions">${actionButton({
            label: 'Remove',
            of: passkey.name,
            request: `DELETE /account/passkeys/${encodeURIComponent(passkey.id)}`,
            tone: 'danger-quiet',
            small: true,
            confirm: {
              title: 'Remove this passkey?',
              text: `${passkey.name} opens this account no more. Remove it from the device too; you can add another.`,
              button: 'Remove',
            },
            done: 'The passkey is removed',
          })}</td>
        </tr>`,
      )}</tbody>
    </table></div>`;
}
