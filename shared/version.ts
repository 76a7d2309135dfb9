import { readFileSync } from 'node:fs';

/** Version of this release, from package.json. */
export const VERSION: string = JSON.parse(
  readFileSync(new URL('../package.json', import.meta.url), 'utf8'),
).version;

/** Versions of the protocol between agent and coordinator that this release speaks. */
export const OLDEST_PROTOCOL_VERSION = 1;
export const NEWEST_PROTOCOL_VERSION = 1;
