import { formatIp, type IpBytes, parseIp } from './ip.ts';

/** Where a UDP or TCP socket can be reached. */
export interface Endpoint {
  readonly address: IpBytes;
  /** 1 to 65535. */
  readonly port: number;
}

/** Reads `192.0.2.1:51820` or `[2001:db8::1]:51820`; names, zones and port 0 are refused with null. */
export function parseEndpoint(text: string): Endpoint | null {
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text);
  if (match === null) return null;
  const [, six, four, digits] = match;
  const address = parseIp((six ?? four) as string);
  const port = Number(digits);
  if (address === null || port < 1 || port > 65535) return null;
  return (six !== undefined) === (address.length === 16) ? { address, port } : null;
}

export function formatEndpoint(endpoint: Endpoint): string {
  const address = formatIp(endpoint.address);
  return endpoint.address.length === 4 ? `${address}:${endpoint.port}` : `[${address}]:${endpoint.port}`;
}

/** A listening address as flags take it: `HOST:PORT`, HOST an address (IPv6 in brackets) or a name; port 0 lets the system choose. */
export function parseListen(text: string): { host: string; port: number } | null {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text);
  if (match === null) return null;
  const [, six, other, digits] = match;
  if (six !== undefined && parseIp(six)?.length !== 16) return null;
  const port = Number(digits);
  return port > 65535 ? null : { host: (six ?? other) as string, port };
}
