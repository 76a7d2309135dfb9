import { html } from 'hono/html';

type Fragment = ReturnType<typeof html>;

/** The frame around every page. Everything interpolated is escaped by hono/html unless it is a fragment itself. */
export function layout(page: { title: string; signedIn: boolean; body: Fragment }): Fragment {
  return html`<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <title>${page.title} · Warren</title>
    <link rel="icon" href="/assets/warren.svg" type="image/svg+xml">
    <link rel="stylesheet" href="/assets/style.css">
    <script type="module" src="/assets/live.js"></script>
  </head>
  <body>
    <header>
      <a class="brand" href="/"><img src="/assets/warren.svg" alt="" width="28" height="28"> Warren</a>
      ${
        page.signedIn
          ? html`<form method="post" action="/sign-out"><button type="submit">Sign out</button></form>`
          : ''
      }
    </header>
    <main>
      ${page.body}
    </main>
  </body>
</html>`;
}
