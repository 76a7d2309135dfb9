import { html } from 'hono/html';
import type { Fragment } from './fragment.ts';
import { type IconName, icon } from './icon.ts';

/** In the place of a list that has nothing in it: why, and what to do about it. */
export function emptyState(state: { icon: IconName; title: string; text: Fragment | string }): Fragment {
  return html`<div class="empty">
      <div class="picture">${icon(state.icon)}</div>
      <h2>${state.title}</h2>
      <div>${state.text}</div>
    </div>`;
}
