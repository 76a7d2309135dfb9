import { html } from 'hono/html';
import type { Credentials } from '../../store/accounts/accounts.ts';
import { actionButton } from './parts/action-button.ts';
import { badge } from './parts/badge.ts';
import { textField } from './parts/field.ts';
import type { Fragment } from './parts/fragment.ts';

/** Whether there is one, and what can be done about it. */
export function secondFactor(credentials: Credentials | null): Fragment {
  if (credentials?.passphraseHash == null) {
    return html`<p class="quiet">For accounts with a passphrase. A passkey needs no second factor.</p>`;
  }
  if (credentials.sealedTotp === null) {
    return html`<div class="stack">
        <p>${badge('off')} With an authenticator app, a passphrase that somebody found out is not enough to sign in.</p>
        <p><button type="button" id="begin-totp">Set up an authenticator app</button></p>
      </div>`;
  }
  const left = credentials.recoveryCodesLeft;
  return html`<div class="stack">
      <p>${badge('on', 'good')} A code of your authenticator app is asked for after the passphrase.
        ${left === 1 ? '1 recovery code is' : `${left} recovery codes are`} left.</p>
      <p class="cluster">
        <button type="button" id="begin-totp">Set it up anew</button>
        ${actionButton({
          label: 'Turn it off',
          request: 'POST /account/totp/remove',
          tone: 'danger-quiet',
          confirm: {
            title: 'Turn the second factor off?',
            text: 'Recovery codes become void. You can set it up again at any time.',
            button: 'Turn it off',
          },
          done: 'The second factor is off',
        })}
      </p>
    </div>`;
}

/** What assets/account.js fills in: the steps of setting it up, and the recovery codes. */
export function secondFactorTemplates(): Fragment {
  return html`<template id="totp-form">
      <form class="form narrow" data-action="PUT /account/totp" novalidate>
        <p>Scan this with the app, or type the key into it:</p>
        <svg class="qr" role="img" aria-label="QR code for the authenticator app" shape-rendering="crispEdges"><path/></svg>
        <div class="code wrap">
          <pre tabindex="0"><code data-secret></code></pre>
          <button type="button" class="small" data-copy><span>Copy</span><span class="hidden"> key</span></button>
        </div>
        <input type="hidden" name="secret">
        ${textField({
          id: 'totp-code',
          name: 'code',
          label: 'Code that the app shows now',
          required: true,
          autocomplete: 'one-time-code',
        })}
        <div class="form-foot">
          <button type="submit" class="primary">Turn it on</button>
          <button type="button" data-cancel>Cancel</button>
        </div>
      </form>
    </template>
    <template id="recovery-codes">
      <div class="stack">
        <p class="banner good">The second factor is on. These recovery codes are shown this once: each lets you in one time without the
          app. Keep them where you keep papers that matter.</p>
        <div class="code wrap">
          <pre tabindex="0"><code data-codes></code></pre>
          <button type="button" class="small" data-copy><span>Copy</span><span class="hidden"> recovery codes</span></button>
        </div>
        <p><button type="button" class="primary" data-cancel>I have kept them</button></p>
      </div>
    </template>`;
}
