import { html } from 'hono/html';
import { layout } from './layout.ts';

/**
 * The page behind a sign-in link. It asks for one click, so that a program which only follows the link (a preview, a
 * scanner) does not use the code up.
 */
export function signInPage(options: { code: string; failed: boolean }): ReturnType<typeof html> {
  const form = html`<form method="post" action="/sign-in" class="card">
      <input type="hidden" name="code" value="${options.code}">
      <p>This link signs this browser in as administrator. It works once.</p>
      <button type="submit" class="primary">Sign in</button>
    </form>`;
  const help = html`<div class="card">
      <p>Signing in takes a one-time link. On the coordinator's machine, run:</p>
      <pre><code>bin/coordinator admin link --data DIR</code></pre>
    </div>`;
  return layout({
    title: 'Sign in',
    actor: null,
    body: html`<h1>Sign in</h1>
      ${
        options.failed
          ? html`<p class="error" role="alert">That link was used already or is too old.</p>`
          : ''
      }
      ${options.code === '' || options.failed ? help : form}`,
  });
}
