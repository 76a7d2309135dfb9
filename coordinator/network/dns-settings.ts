import { WarrenError } from '../../shared/errors.ts';
import { canonicalIp, parseIp } from '../../shared/ip.ts';

/** How names are resolved in the network. Names are lower-case and without dots at their ends; addresses are canonical. */
export interface DnsSettings {
  /** `NAME.ZONE` is a node. */
  readonly zone: string;
  /** For what is neither in the zone nor in a split domain; none leaves it to each host's own. */
  readonly resolvers: readonly string[];
  /** Sorted by domain. */
  readonly split: readonly { readonly domain: string; readonly resolvers: readonly string[] }[];
}

export const DEFAULT_DNS: DnsSettings = { zone: 'warren', resolvers: [], split: [] };

/** Longest name (RFC 1035 2.3.4), as text. */
const MAX_NAME = 253;
/** A zone leaves room for a label of 63 and its dot. */
const MAX_ZONE = MAX_NAME - 64;
/** Names that mean something else wherever they are looked up: RFC 6761, 6762, 7686; names of addresses. */
const RESERVED = ['local', 'localhost', 'invalid', 'onion', 'arpa'];

/** A zone as an administrator writes it. Throws `usage`. */
export function parseZone(text: string): string {
  const zone = parseDomain(text);
  const top = zone.split('.').at(-1) as string;
  if (zone.length > MAX_ZONE || RESERVED.includes(top)) {
    throw new WarrenError('usage', `${text} cannot be the network's zone`, {
      hint: RESERVED.includes(top) ? `.${top} has a meaning of its own` : `at most ${MAX_ZONE} characters`,
    });
  }
  return zone;
}

/** Throws `usage`. */
export function parseDomain(text: string): string {
  const domain = text.toLowerCase().replace(/^\.|\.$/g, '');
  const labels = domain.split('.');
  if (domain.length > MAX_NAME || !labels.every((label) => /^(?!-)[a-z0-9_-]{1,63}(?<!-)$/.test(label))) {
    throw new WarrenError('usage', `${JSON.stringify(text)} is not a domain`, {
      hint: 'labels of letters, digits and inner hyphens with dots between them, such as corp.example',
    });
  }
  if (/^\d+$/.test(labels.at(-1) as string)) {
    throw new WarrenError('usage', `${JSON.stringify(text)} looks like an address`);
  }
  return domain;
}

/** A resolver's address; one that leads back to every host itself is none. Throws `usage`. */
export function parseResolver(text: string): string {
  const address = canonicalIp(text);
  const bytes = parseIp(text);
  if (address === null || bytes === null) {
    throw new WarrenError('usage', `${JSON.stringify(text)} is not the address of a resolver`, {
      hint: 'an IPv4 or IPv6 address; its port is 53',
    });
  }
  const isOwn =
    bytes.length === 4 ? bytes[0] === 127 || bytes[0] === 0 : address === '::1' || address === '::';
  if (isOwn) throw new WarrenError('usage', `${text} would be every host itself`);
  return address;
}

/** `DOMAIN=RESOLVER`; several for one domain are tried in their order. Throws `usage`. */
export function parseSplit(texts: readonly string[]): DnsSettings['split'] {
  const byDomain = new Map<string, string[]>();
  for (const text of texts) {
    const at = text.indexOf('=');
    if (at < 0) {
      throw new WarrenError('usage', `expected DOMAIN=RESOLVER instead of ${JSON.stringify(text)}`);
    }
    const domain = parseDomain(text.slice(0, at));
    const known = byDomain.get(domain) ?? [];
    byDomain.set(domain, [
      ...known,
      ...text
        .slice(at + 1)
        .split(',')
        .map(parseResolver),
    ]);
  }
  return [...byDomain.entries()]
    .map(([domain, resolvers]) => ({ domain, resolvers }))
    .sort((a, b) => (a.domain < b.domain ? -1 : 1));
}
