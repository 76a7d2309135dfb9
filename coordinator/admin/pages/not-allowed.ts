import { html } from 'hono/html';
import type { Actor } from '../actor.ts';
import { layout } from './layout.ts';
import { emptyState } from './parts/empty-state.ts';
import type { Fragment } from './parts/fragment.ts';

/** In the place of a page that the role of who looks does not allow. */
export function notAllowedPage(actor: Actor): Fragment {
  return layout({
    title: 'Not allowed',
    actor,
    body: html`<h1 class="hidden">Not allowed</h1>
      ${emptyState({
        icon: 'users',
        title: 'Your role does not allow this',
        text: html`You are signed in as ${actor.userName}, ${actor.role}. An owner of this network can change that.
          <a href="/">To the machines</a>`,
      })}`,
  });
}
