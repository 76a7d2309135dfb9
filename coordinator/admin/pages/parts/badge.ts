import { html } from 'hono/html';
import type { Fragment } from './fragment.ts';

export type Tone = 'neutral' | 'good' | 'warn' | 'bad' | 'info';

/** A word or two about the state of something. The words say it; the colour repeats it. */
export function badge(text: string, tone: Tone = 'neutral'): Fragment {
  return html`<span class="badge ${tone}">${text}</span>`;
}

/** Words behind a dot: filled for what is there, hollow for what is away. */
export function presence(online: boolean, text: Fragment | string): Fragment {
  return html`<span class="presence ${online ? 'on' : 'off'}"><span class="dot" aria-hidden="true"></span><span>${text}</span></span>`;
}
