import { networkInterfaces } from 'node:os';
import { formatIp, parseIp } from '../../shared/ip.ts';
import type { PeerEndpoint } from '../wireguard/configuration.ts';

/**
 * An endpoint as the UAPI spells it: `192.0.2.1:51820`, `[2001:db8::1]:51820`, `[fe80::1%eth0]:51820`. A zone is a number or the name of
 * an interface of this host. Null if it is none.
 */
export function parseUapiEndpoint(text: string): PeerEndpoint | null {
  const match = /^(?:\[([^\]%]+)(?:%([^\]]+))?\]|([^:]+)):(\d{1,5})$/.exec(text);
  if (match === null) return null;
  const [, six, zone, four, digits] = match;
  const address = parseIp((six ?? four) as string);
  const port = Number(digits);
  if (address === null || port > 65535 || (six !== undefined) !== (address.length === 16)) return null;
  if (zone === undefined) return { address, port };
  const scope = /^\d{1,10}$/.test(zone) ? Number(zone) : interfaceIndex(zone);
  return scope === null || scope > 0xffffffff ? null : { address, port, scope };
}

export function formatUapiEndpoint(endpoint: PeerEndpoint): string {
  const address = formatIp(endpoint.address);
  if (endpoint.address.length === 4) return `${address}:${endpoint.port}`;
  const zone = endpoint.scope ? `%${endpoint.scope}` : '';
  return `[${address}${zone}]:${endpoint.port}`;
}

function interfaceIndex(name: string): number | null {
  for (const address of networkInterfaces()[name] ?? []) {
    if (address.family === 'IPv6' && address.scopeid !== 0) return address.scopeid;
  }
  return null;
}
