import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { WarrenError } from '../shared/errors.ts';
import { formatIp, parseIp } from '../shared/ip.ts';
import { isCoordinatorUrl } from '../shared/join-token.ts';
import { COORDINATOR_TLS_NAME } from '../shared/tls-names.ts';
import type { RelayView } from './store/contract/relays.ts';

/** The URLs that tokens carry. `serve` knows them, `token create` is another process: they meet in a file of the data folder. */
const FILE = 'urls.json';

export function writeUrls(dataFolder: string, urls: readonly string[]): void {
  const path = join(dataFolder, FILE);
  writeFileSync(`${path}.new`, `${JSON.stringify(urls)}\n`, { mode: 0o600 });
  renameSync(`${path}.new`, path);
}

/** Throws `not-found` where `serve` has not run yet. */
export function readUrls(dataFolder: string): string[] {
  try {
    const urls: unknown = JSON.parse(readFileSync(join(dataFolder, FILE), 'utf8'));
    if (
      Array.isArray(urls) &&
      urls.length > 0 &&
      urls.every((url) => typeof url === 'string' && isCoordinatorUrl(url))
    ) {
      return urls;
    }
  } catch {
    // Told below: whatever is wrong with the file, there are no URLs.
  }
  throw new WarrenError(
    'not-found',
    `it is not known yet how agents reach the coordinator of ${dataFolder}`,
    {
      hint: 'run `coordinator serve` on it once, or give --url https://HOST:PORT',
    },
  );
}

/**
 * What tokens carry: how agents reach this coordinator, and then the others of one database, each of which is one of the relays. Whoever
 * joins while this one is away goes to another.
 */
export function withOtherCoordinators(own: readonly string[], relays: readonly RelayView[]): string[] {
  const others = relays.filter(({ tlsName }) => tlsName === COORDINATOR_TLS_NAME).flatMap(({ urls }) => urls);
  return [...new Set([...own, ...others])];
}

/** How agents can perhaps reach a listener: at its address, or at every address of this host where it listens on all. */
export function derivedUrls(host: string, port: number): string[] {
  if (host !== '0.0.0.0' && host !== '::') return [url(host, port)];
  const addresses = Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .filter((entry) => !entry.internal && !entry.address.toLowerCase().startsWith('fe80:'))
    .filter((entry) => entry.family === 'IPv4' || host === '::')
    .map((entry) => entry.address);
  const found = addresses.length > 0 ? addresses : ['127.0.0.1'];
  return [...new Set(found)].map((address) => url(address, port));
}

function url(host: string, port: number): string {
  const bytes = parseIp(host);
  const name = bytes === null ? host : bytes.length === 4 ? formatIp(bytes) : `[${formatIp(bytes)}]`;
  return `https://${name}:${port}`;
}
