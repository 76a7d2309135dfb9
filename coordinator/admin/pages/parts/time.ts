import { html } from 'hono/html';
import type { Fragment } from './fragment.ts';

const STEPS: readonly [unit: string, milliseconds: number][] = [
  ['year', 365 * 24 * 3600_000],
  ['month', 30 * 24 * 3600_000],
  ['day', 24 * 3600_000],
  ['hour', 3600_000],
  ['minute', 60_000],
];

/** `3 minutes ago`, `in 2 days`, kept true by assets/times.js; the exact time is its title. `at`: 0 is no time at all. */
export function relativeTime(at: number, now: number): Fragment {
  if (at === 0) return html`never`;
  return html`<time datetime="${new Date(at).toISOString()}" title="${exactTime(at)}" data-relative>${distance(at, now)}</time>`;
}

/** `2026-01-31 12:00 UTC`. */
export function exactTime(at: number): string {
  return `${new Date(at).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}

/** How far away in words. */
export function distance(at: number, now: number): string {
  const away = Math.abs(at - now);
  const step = STEPS.find(([, milliseconds]) => away >= milliseconds);
  if (step === undefined) return at > now ? 'in a moment' : 'just now';
  const count = Math.floor(away / step[1]);
  const words = `${count} ${step[0]}${count === 1 ? '' : 's'}`;
  return at > now ? `in ${words}` : `${words} ago`;
}
