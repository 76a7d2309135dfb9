import { html } from 'hono/html';
import { asCalled } from '../../../shared/program-name.ts';
import { MIN_PASSPHRASE } from '../accounts/passphrase-rules.ts';
import { layout } from './layout.ts';
import { codeBlock } from './parts/code-block.ts';
import { textField } from './parts/field.ts';
import type { Fragment } from './parts/fragment.ts';

type Errors = Readonly<Record<string, string>>;

/** Where the first owner makes an account. */
export function firstRunPage(options: {
  code: string;
  name?: string;
  displayName?: string;
  errors?: Errors;
}): Fragment {
  const { code, name = '', displayName = '', errors = {} } = options;
  return layout({
    title: 'Welcome',
    actor: null,
    body: html`<h1>Welcome to Warren</h1>
      <form method="post" action="/first-run" class="card form">
        <p>Make the first account. It owns this network: it may change everything, and invite others.</p>
        <input type="hidden" name="code" value="${code}">
        ${withError(
          textField({
            id: 'name',
            name: 'name',
            label: 'Name',
            value: name,
            required: true,
            autocomplete: 'username',
            hint: 'For signing in, and for the policy: ada, or ada@example.com.',
          }),
          errors.name,
        )}
        ${textField({ id: 'displayName', name: 'displayName', label: 'Full name', value: displayName, autocomplete: 'name' })}
        ${passphraseFields(errors)}
        <div class="form-foot"><button type="submit" class="primary">Make the account</button></div>
      </form>`,
  });
}

/** Where somebody who was invited, or who forgot, sets a passphrase. */
export function welcomePage(options: { code: string; userName: string; errors?: Errors }): Fragment {
  const { code, userName, errors = {} } = options;
  return layout({
    title: 'Set a passphrase',
    actor: null,
    body: html`<h1>Set a passphrase</h1>
      <form method="post" action="/welcome" class="card form">
        <p>For the account <strong>${userName}</strong> of this Warren network.</p>
        <input type="hidden" name="code" value="${code}">
        <input type="text" name="username" value="${userName}" autocomplete="username" hidden>
        ${passphraseFields(errors)}
        <div class="form-foot"><button type="submit" class="primary">Set it and sign in</button></div>
      </form>`,
  });
}

/** A link that is not good. `wait`: that too many such were tried. */
export function badLinkPage(wait: string | null): Fragment {
  return layout({
    title: 'This link is not good',
    actor: null,
    body: html`<h1>This link is not good</h1>
      <div class="card stack">
        <p class="error" role="alert">${wait ?? 'It was used already, or is too old.'}</p>
        <p>Ask whoever gave it to you for another. For an account of your own, run on the coordinator's machine:</p>
        ${codeBlock(asCalled('bin/coordinator admin link --data DIR'), 'the command')}
        <p><a href="/sign-in">To the sign-in page</a></p>
      </div>`,
  });
}

function passphraseFields(errors: Errors): Fragment {
  return html`${withError(
    textField({
      id: 'passphrase',
      name: 'passphrase',
      label: 'Passphrase',
      type: 'password',
      required: true,
      autocomplete: 'new-password',
      hint: `At least ${MIN_PASSPHRASE} characters. A few words that nobody else would put together do well.`,
    }),
    errors.passphrase,
  )}
  ${withError(
    textField({
      id: 'again',
      name: 'again',
      label: 'The same again',
      type: 'password',
      required: true,
      autocomplete: 'new-password',
    }),
    errors.again,
  )}`;
}

function withError(field: Fragment, error: string | undefined): Fragment {
  return error === undefined
    ? field
    : html`<div class="stack">${field}<p class="field-error" role="alert">${error}</p></div>`;
}
