import { html } from 'hono/html';
import type { Fragment } from './parts/fragment.ts';
import { pageHead } from './parts/page-head.ts';

const TABS = [
  { path: '/policy', name: 'Document' },
  { path: '/policy/access', name: 'Who reaches what' },
  { path: '/policy/versions', name: 'Versions' },
] as const;

/** What the pages of the policy have above them. */
export function policyHead(current: (typeof TABS)[number]['path']): Fragment {
  return html`${pageHead({
    title: 'Policy',
    about:
      'One document says who may reach what, in the form of Tailscale and headscale. What no rule grants is denied.',
  })}
    <nav aria-label="Policy"><ul class="tabs">${TABS.map(
      ({ path, name }) =>
        html`<li><a href="${path}"${path === current ? html` aria-current="page"` : ''}>${name}</a></li>`,
    )}</ul></nav>`;
}
