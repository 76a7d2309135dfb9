import type { Context, Hono } from 'hono';
import { html } from 'hono/html';
import type { AdminEnvironment } from '../actor.ts';
import { layout } from './layout.ts';
import { emptyState } from './parts/empty-state.ts';

/** What there is in the place of a page that is not there. `what`: in words, if more is known. */
export function notFound(
  context: Context<AdminEnvironment>,
  what = 'There is no such page',
): Response | Promise<Response> {
  const page = layout({
    title: 'Not found',
    actor: context.get('actor'),
    body: html`<h1 class="hidden">Not found</h1>
      ${emptyState({ icon: 'search', title: what, text: html`<a href="/">To the machines</a>` })}`,
  });
  return context.html(page, 404);
}

/** For every page that nobody else answers for. To be registered last. */
export function registerNotFound(app: Hono<AdminEnvironment>): void {
  app.get('*', (context) => notFound(context));
}
