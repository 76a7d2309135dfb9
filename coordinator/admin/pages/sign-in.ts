import { html } from 'hono/html';
import { asCalled } from '../../../shared/program-name.ts';
import { layout } from './layout.ts';
import { codeBlock } from './parts/code-block.ts';
import { textField } from './parts/field.ts';
import type { Fragment } from './parts/fragment.ts';

/** Name and passphrase, a passkey, or a provider. */
export function signInPage(options: {
  returnTo: string;
  /** As it was typed before. */
  name?: string;
  error?: string;
  /** Whether there is nobody yet who could sign in. */
  isFirstRun: boolean;
  /** What the buttons of the providers say. */
  providers: readonly string[];
}): Fragment {
  const { returnTo, name = '', error } = options;
  if (options.isFirstRun) return nobodyYetPage();
  const query = returnTo === '/' ? '' : `&return=${encodeURIComponent(returnTo)}`;
  return layout({
    title: 'Sign in',
    actor: null,
    scripts: ['sign-in.js'],
    body: html`<h1>Sign in</h1>
      <div class="card stack">
        <form method="post" action="/sign-in" class="form">
          <input type="hidden" name="return" value="${returnTo}">
          ${error === undefined ? '' : html`<p class="error" role="alert">${error}</p>`}
          ${textField({ id: 'name', name: 'name', label: 'Name', value: name, required: true, autocomplete: 'username' })}
          ${textField({
            id: 'passphrase',
            name: 'passphrase',
            label: 'Passphrase',
            type: 'password',
            required: true,
            autocomplete: 'current-password',
          })}
          <div class="form-foot"><button type="submit" class="primary">Sign in</button></div>
        </form>
        <div class="stack" id="passkey" data-return="${returnTo}" hidden>
          <p class="or">or</p>
          <button type="button" id="use-passkey" class="wide">Use a passkey</button>
          <p class="error" id="passkey-error" role="alert" hidden></p>
        </div>
        ${options.providers.map(
          (label, index) =>
            html`<a class="button wide" href="/sign-in/oidc/start?provider=${index}${query}">Sign in with ${label}</a>`,
        )}
      </div>`,
  });
}

/** The code of an authenticator app, or a recovery code. */
export function secondFactorPage(options: { ticket: string; returnTo: string; error?: string }): Fragment {
  const { ticket, returnTo, error } = options;
  return layout({
    title: 'Second factor',
    actor: null,
    body: html`<h1>Second factor</h1>
      <form method="post" action="/sign-in/second-factor" class="card form">
        <input type="hidden" name="ticket" value="${ticket}">
        <input type="hidden" name="return" value="${returnTo}">
        ${error === undefined ? '' : html`<p class="error" role="alert">${error}</p>`}
        ${textField({
          id: 'code',
          name: 'code',
          label: 'Code',
          required: true,
          autocomplete: 'one-time-code',
          hint: 'The six digits of your authenticator app, or one of your recovery codes.',
        })}
        <div class="form-foot">
          <a href="/sign-in">Start again</a>
          <button type="submit" class="primary">Sign in</button>
        </div>
      </form>`,
  });
}

/** A provider's answer came to nothing. */
export function notAdmittedPage(why: string): Fragment {
  return layout({
    title: 'Not signed in',
    actor: null,
    body: html`<h1>Not signed in</h1>
      <div class="card stack">
        <p class="error" role="alert">${why}.</p>
        <p><a href="/sign-in">Back to signing in</a></p>
      </div>`,
  });
}

function nobodyYetPage(): Fragment {
  return layout({
    title: 'Sign in',
    actor: null,
    body: html`<h1>Nobody can sign in yet</h1>
      <div class="card stack">
        <p>The coordinator printed a link when it started. Open it to make the first account. For a fresh one, run on the
          coordinator's machine:</p>
        ${codeBlock(asCalled('bin/coordinator admin link --data DIR'), 'the command')}
      </div>`,
  });
}
