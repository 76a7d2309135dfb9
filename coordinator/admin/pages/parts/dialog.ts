import { html } from 'hono/html';
import type { Fragment } from './fragment.ts';
import { icon } from './icon.ts';

/** A dialog that a button with `data-dialog` of this id opens. */
export function dialog(options: { id: string; title: Fragment | string; body: Fragment }): Fragment {
  return html`<dialog class="dialog" id="${options.id}" aria-labelledby="${options.id}-title">
      <div class="dialog-head">
        <h2 id="${options.id}-title">${options.title}</h2>
        <button type="button" class="icon-button" data-close aria-label="Close">${icon('close')}</button>
      </div>
      ${options.body}
    </dialog>`;
}

/** The last line of a form in a dialog. `besides`: what else can be done here, at the other end. */
export function dialogButtons(submit: string, besides: Fragment | '' = ''): Fragment {
  return html`<div class="dialog-foot">
      ${besides === '' ? '' : html`<span class="besides">${besides}</span>`}
      <button type="button" data-close>Cancel</button>
      <button type="submit" class="primary">${submit}</button>
    </div>`;
}
