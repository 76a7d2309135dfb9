import { parseIp } from '../../shared/ip.ts';
import type { NetworkMap } from './network-map.ts';

/** Where coordinator and relays listen, TCP, by their URLs; `addressesOf` tells the addresses of a name. */
export function serversOf(
  map: NetworkMap,
  coordinatorUrls: readonly string[],
  addressesOf: (name: string) => readonly string[],
): { address: string; port: number }[] {
  const found = new Map<string, { address: string; port: number }>();
  for (const text of [...coordinatorUrls, ...map.self.relays.flatMap(({ urls }) => urls)]) {
    const url = new URL(text);
    const host = url.hostname.replace(/^\[|\]$/g, '').toLowerCase();
    const port = Number(url.port || 443);
    const addresses = parseIp(host) === null ? addressesOf(host.replace(/\.$/, '')) : [host];
    for (const address of addresses) found.set(`${address} ${port}`, { address, port });
  }
  return [...found.values()].sort((a, b) => (`${a.address} ${a.port}` < `${b.address} ${b.port}` ? -1 : 1));
}
