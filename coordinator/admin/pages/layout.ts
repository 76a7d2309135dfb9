import { html, raw } from 'hono/html';
import type { Actor } from '../actor.ts';
import { IMPORT_MAP } from '../browser-modules.ts';
import { navigation, type Section } from './navigation.ts';
import type { Fragment } from './parts/fragment.ts';
import { icon } from './parts/icon.ts';

export interface Page {
  title: string;
  /** Who looks at it; null before signing in. */
  actor: Actor | null;
  /** The part of the navigation that this page belongs to. */
  section?: Section;
  body: Fragment;
  /** Modules of this page alone, files of assets/. */
  scripts?: readonly string[];
  /** Style sheets of this page alone: a module's, say. */
  styles?: readonly string[];
}

/** The frame around every page. Everything interpolated is escaped by hono/html unless it is a fragment itself. */
export function layout(page: Page): Fragment {
  return html`<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <title>${page.title} · Warren</title>
    <link rel="icon" href="/assets/warren.svg" type="image/svg+xml">
    <link rel="stylesheet" href="/assets/style.css">
    ${(page.styles ?? []).map((url) => html`<link rel="stylesheet" href="${url}">`)}
    <script src="/assets/theme.js"></script>
    <script type="importmap">${raw(IMPORT_MAP)}</script>
    <script type="module" src="/assets/main.js"></script>
    ${(page.scripts ?? []).map((name) => html`<script type="module" src="/assets/${name}"></script>`)}
  </head>
  ${page.actor === null ? outside(page) : inside(page, page.actor)}
</html>`;
}

const TOASTS = html`<div class="toasts" id="toasts" role="status" aria-live="polite"></div>`;

/** Before signing in: one card in the middle. */
function outside(page: Page): Fragment {
  return html`<body class="outside">
    <a class="skip" href="#content">Skip to the content</a>
    <main id="content" tabindex="-1">
      <p class="brand"><img src="/assets/warren.svg" alt="" width="36" height="36"> Warren</p>
      ${page.body}
    </main>
    ${TOASTS}
  </body>`;
}

function inside(page: Page, actor: Actor): Fragment {
  return html`<body class="inside">
    <a class="skip" href="#content">Skip to the content</a>
    <header class="topbar">
      <a class="brand" href="/"><img src="/assets/warren.svg" alt="" width="28" height="28"> Warren</a>
      <button type="button" class="icon-button" popovertarget="navigation" aria-label="Menu">${icon('menu')}</button>
    </header>
    ${navigation(actor, page.section)}
    <main id="content" tabindex="-1">
      <div id="stream-state" role="status"></div>
      ${page.body}
    </main>
    ${TOASTS}
  </body>`;
}
