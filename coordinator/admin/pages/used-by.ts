import { html } from 'hono/html';
import type { Fragment } from './parts/fragment.ts';

/** How many machines say that they use a carrier; nothing where none said anything. */
export function usedBy(count: number | null): Fragment | '' {
  if (count === null) return '';
  // Those of an older release may use it.
  const words =
    count === 0 ? 'no machine says that it uses it' : `used by ${count} machine${count === 1 ? '' : 's'}`;
  return html`<br><span class="quiet small-text">${words}</span>`;
}
