import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Hono } from 'hono';
import type { AdminEnvironment } from './actor.ts';
import { browserModules } from './browser-modules.ts';
import { cachedFile } from './cached-file.ts';

const FOLDER = fileURLToPath(new URL('assets/', import.meta.url));
const MODULES = browserModules();

/** Style, scripts and pictures, which need no session: the files of assets/, and modules of npm packages. */
export function registerAssets(app: Hono<AdminEnvironment>): void {
  for (const name of readdirSync(FOLDER)) {
    app.get(`/assets/${name}`, cachedFile(`${FOLDER}${name}`, 'no-cache'));
  }
  for (const { url, file } of MODULES) {
    app.get(url, cachedFile(file, 'public, max-age=31536000, immutable'));
  }
}
