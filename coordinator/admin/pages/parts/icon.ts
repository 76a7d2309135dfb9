import { html, raw } from 'hono/html';
import type { Fragment } from './fragment.ts';

/** Shapes in a square of 24, drawn with strokes. */
const SHAPES = {
  machines:
    '<rect x="3" y="4" width="18" height="7" rx="2"/><rect x="3" y="13" width="18" height="7" rx="2"/><path d="M7 7.5h.01M7 16.5h.01M11 7.5h6M11 16.5h6"/>',
  map: '<circle cx="5" cy="6" r="2.5"/><circle cx="19" cy="8" r="2.5"/><circle cx="10" cy="19" r="2.5"/><path d="M7.5 6.4 16.5 7.6M6.1 8.3l3 8.3M17.3 9.8l-5.6 7.3"/>',
  joining: '<circle cx="8" cy="8" r="5"/><path d="m11.6 11.6 8.4 8.4M16.5 16.5l2.5-2.5M19 19l2-2"/>',
  devices: '<rect x="6.5" y="2.5" width="11" height="19" rx="2.5"/><path d="M11 18h2"/>',
  routes:
    '<circle cx="5" cy="12" r="2.2"/><path d="M7.2 12H11c3 0 3-6 6-6h3M11 12c3 0 3 6 6 6h3M17.5 3.5 20 6l-2.5 2.5M17.5 15.5 20 18l-2.5 2.5"/>',
  names: '<path d="M3 12V5a2 2 0 0 1 2-2h7l9 9-9 9z"/><circle cx="8" cy="8" r="1.4"/>',
  policy:
    '<path d="M12 2.8 20 6v5.5c0 4.7-3.2 8.2-8 9.7-4.8-1.5-8-5-8-9.7V6z"/><path d="m8.6 12 2.4 2.4 4.6-4.8"/>',
  audit: '<path d="M6 3h9l4 4v14H6z"/><path d="M9.5 11h6M9.5 15h6M9.5 7h2.5"/>',
  settings:
    '<path d="M4 7h9M17 7h3M4 17h3M11 17h9"/><circle cx="15" cy="7" r="2.2"/><circle cx="9" cy="17" r="2.2"/>',
  users:
    '<circle cx="9" cy="8" r="3.5"/><path d="M2.5 20c.6-4 3-6 6.5-6s5.9 2 6.5 6M16 4.8a3.5 3.5 0 0 1 0 6.4M18.5 14.5c1.7.9 2.7 2.7 3 5.5"/>',
  account: '<circle cx="12" cy="8.5" r="4"/><path d="M4.5 20.5c.7-4.2 3.5-6.5 7.5-6.5s6.8 2.3 7.5 6.5"/>',
  menu: '<path d="M4 7h16M4 12h16M4 17h16"/>',
  close: '<path d="m6 6 12 12M18 6 6 18"/>',
  copy: '<rect x="8" y="8" width="12" height="12" rx="2"/><path d="M16 8V6a2 2 0 0 0-2-2H6a2 2 0 0 0-2 2v8a2 2 0 0 0 2 2h2"/>',
  more: '<path d="M5 12h.01M12 12h.01M19 12h.01"/>',
  search: '<circle cx="10.5" cy="10.5" r="6.5"/><path d="m15.5 15.5 5 5"/>',
  plus: '<path d="M12 5v14M5 12h14"/>',
  back: '<path d="m14 6-6 6 6 6"/>',
  warning: '<path d="M12 3.5 21.5 20h-19z"/><path d="M12 10v4.5M12 17.2h.01"/>',
  exit: '<circle cx="12" cy="12" r="9"/><path d="M3 12h18M12 3c3 3 3 15 0 18M12 3c-3 3-3 15 0 18"/>',
  theme: '<circle cx="12" cy="12" r="8.5"/><path d="M12 3.5v17a8.5 8.5 0 0 0 0-17z" fill="currentColor"/>',
  out: '<path d="M10 4H5v16h5M14 8l4 4-4 4M9 12h9"/>',
} as const;

export type IconName = keyof typeof SHAPES;

/** A picture beside words that say the same; screen readers pass it by. */
export function icon(name: IconName): Fragment {
  return html`<svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">${raw(SHAPES[name])}</svg>`;
}
