import { parseIp } from '../../shared/ip.ts';
import { portOfUrl } from '../../shared/url-port.ts';
import type { NetworkMap } from './network-map.ts';

/**
 * URLs, and before them the same with the last known addresses in place of names: TLS does not go by those, and whatever resolver this
 * host's programs have may be out of reach.
 */
export function withKnownAddresses(
  urls: readonly string[],
  addressesOf: (name: string) => readonly string[],
): string[] {
  const byAddress = urls.flatMap((text) => {
    const url = new URL(text);
    return addressesOf(nameIn(url)).map((address) => {
      const host = address.includes(':') ? `[${address}]` : address;
      return `https://${host}:${portOfUrl(text)}`;
    });
  });
  return [...new Set([...byAddress, ...urls])];
}

/** The host of a URL as the names service has it: lower-case, without a dot at its end or brackets. */
function nameIn({ hostname }: URL): string {
  return hostname
    .replace(/^\[|\]$/g, '')
    .toLowerCase()
    .replace(/\.$/, '');
}

/** Where coordinator and relays listen, TCP, by their URLs; `addressesOf` tells the addresses of a name. */
export function serversOf(
  map: NetworkMap,
  coordinatorUrls: readonly string[],
  addressesOf: (name: string) => readonly string[],
): { address: string; port: number }[] {
  const found = new Map<string, { address: string; port: number }>();
  for (const text of [...coordinatorUrls, ...map.self.relays.flatMap(({ urls }) => urls)]) {
    const url = new URL(text);
    const host = nameIn(url);
    const port = portOfUrl(text);
    const addresses = parseIp(host) === null ? addressesOf(host) : [host];
    for (const address of addresses) found.set(`${address} ${port}`, { address, port });
  }
  return [...found.values()].sort((a, b) => (`${a.address} ${a.port}` < `${b.address} ${b.port}` ? -1 : 1));
}
