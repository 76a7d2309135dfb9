import { html } from 'hono/html';
import type { Fragment } from './fragment.ts';
import { icon } from './icon.ts';

/** The top of a page: where it belongs, its name, a sentence on what it is for, and what can be done here. */
export function pageHead(head: {
  title: Fragment | string;
  about?: Fragment | string;
  up?: { path: string; name: string };
  actions?: Fragment | '';
}): Fragment {
  return html`<div class="page-head">
      <div>
        ${head.up === undefined ? '' : html`<a class="up" href="${head.up.path}">${icon('back')} ${head.up.name}</a>`}
        <h1>${head.title}</h1>
        ${head.about === undefined ? '' : html`<p class="about">${head.about}</p>`}
      </div>
      ${head.actions ? html`<div class="cluster">${head.actions}</div>` : ''}
    </div>`;
}
