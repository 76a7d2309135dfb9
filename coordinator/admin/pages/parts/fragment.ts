import type { html } from 'hono/html';

/** Markup in which everything that was interpolated is escaped. */
export type Fragment = ReturnType<typeof html>;
