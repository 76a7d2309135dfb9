import { html } from 'hono/html';
import type { Fragment } from './fragment.ts';
import { icon } from './icon.ts';

/** A command or a file to be copied; `what` names it for the button. */
export function codeBlock(text: string, what: string): Fragment {
  return html`<div class="code">
      <pre tabindex="0"><code>${text}</code></pre>
      <button type="button" class="small" data-copy>${icon('copy')} <span>Copy</span><span class="hidden"> ${what}</span></button>
    </div>`;
}
