import { WarrenError } from '../../shared/errors.ts';
import { formatIp, parseIp } from '../../shared/ip.ts';
import { isCoordinatorUrl } from '../../shared/join-token.ts';

const MAX_URLS = 8;
const MAX_STUN_SERVERS = 8;
const MAX_NAME = 64;

export interface RelayFacts {
  readonly name: string;
  readonly urls: readonly string[];
  readonly stunServers: readonly { host: string; port: number; alternatePort: number }[];
}

/**
 * What a relay says of itself, fit to be passed on to every agent: untrusted input. Throws `usage` for one that nobody could
 * reach; what else is not usable is left out.
 */
export function checkRelayFacts(facts: RelayFacts): {
  name: string;
  urls: string[];
  stunServers: { host: string; port: number; alternatePort: number }[];
} {
  const urls = [...new Set(facts.urls.slice(0, MAX_URLS).filter(isCoordinatorUrl))];
  if (urls.length === 0) {
    throw new WarrenError('usage', 'the relay names no URL at which agents reach it', {
      hint: 'give it --url https://HOST:PORT',
    });
  }
  const stunServers = facts.stunServers
    .slice(0, MAX_STUN_SERVERS)
    .filter(({ host, port, alternatePort }) => isHost(host) && isPort(port) && isPort(alternatePort))
    .map(({ host, port, alternatePort }) => ({ host, port, alternatePort }));
  return { name: facts.name.replace(/[^\x20-\x7e]/g, '?').slice(0, MAX_NAME), urls, stunServers };
}

/** Where a host's STUN server is for who reaches its relay at these URLs. */
export function stunServersAt(
  urls: readonly string[],
  listens: readonly { host: string; port: number; alternatePort: number }[],
): { host: string; port: number; alternatePort: number }[] {
  const servers = new Map<string, { host: string; port: number; alternatePort: number }>();
  for (const url of urls) {
    const { hostname } = new URL(url);
    const bytes = parseIp(hostname.replace(/^\[|\]$/g, ''));
    const host = bytes === null ? hostname : formatIp(bytes);
    for (const { host: own, port, alternatePort } of listens) {
      if (own !== host && !isReachedBy(own, bytes)) continue;
      servers.set(`${host} ${port}`, { host, port, alternatePort });
    }
  }
  return [...servers.values()];
}

/** Whether a listener on all addresses hears what goes to this one; a name can stand for either family. */
function isReachedBy(listen: string, address: Uint8Array | null): boolean {
  if (listen === '0.0.0.0') return address === null || address.length === 4;
  return listen === '::' && (address === null || address.length === 16);
}

function isHost(text: string): boolean {
  return (
    parseIp(text) !== null ||
    /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/i.test(text)
  );
}

function isPort(port: number): boolean {
  return Number.isInteger(port) && port >= 1 && port <= 65535;
}
