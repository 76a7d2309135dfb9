import { readFileSync } from 'node:fs';
import type { Hono } from 'hono';
import type { AdminEnvironment } from './actor.ts';

const ASSETS: Readonly<Record<string, string>> = {
  'style.css': 'text/css; charset=utf-8',
  'live.js': 'text/javascript; charset=utf-8',
  'warren.svg': 'image/svg+xml',
};

/** Style, scripts and pictures, which need no session. */
export function registerAssets(app: Hono<AdminEnvironment>): void {
  for (const [name, type] of Object.entries(ASSETS)) {
    const content = readFileSync(new URL(`assets/${name}`, import.meta.url));
    app.get(`/assets/${name}`, (context) =>
      context.body(content, 200, { 'Content-Type': type, 'Cache-Control': 'no-cache' }),
    );
  }
}
