import type { Context, MiddlewareHandler } from 'hono';
import { formatIp, parseIp, unmappedIp } from '../../shared/ip.ts';
import { type Prefix, prefixContains } from '../../shared/prefix.ts';
import type { AdminEnvironment } from './actor.ts';

/** How a request reached us. */
export interface Connection {
  /** Of the browser or program; empty where there is none, as in tests. */
  address: string;
  /** Whether it came by TLS, to us or to the proxy before us. */
  isSecure: boolean;
}

/**
 * Finds out how a request came. X-Forwarded-For and X-Forwarded-Proto are believed of the proxies that the operator named, and
 * of nobody else: anybody can write them.
 */
export function connection(trustedProxies: readonly Prefix[]): MiddlewareHandler<AdminEnvironment> {
  const isTrusted = (text: string) => isAmong(trustedProxies, text);
  return async (context, next) => {
    let address = socketAddress(context);
    let isSecure = false;
    if (isTrusted(address)) {
      isSecure = last(context.req.header('X-Forwarded-Proto')) === 'https';
      // From the right: what stands further to the left was written by whoever came to the proxies.
      for (const hop of list(context.req.header('X-Forwarded-For')).reverse()) {
        const parsed = parseIp(hop);
        if (parsed === null) break;
        // One spelling, and IPv4 as such: addresses are counted by their text.
        address = formatIp(unmappedIp(parsed));
        if (!isTrusted(address)) break;
      }
    }
    context.set('connection', { address, isSecure });
    return next();
  };
}

/** Whether an address is in one of some networks. */
export function isAmong(networks: readonly Prefix[], text: string): boolean {
  const address = parseIp(text);
  return address !== null && networks.some((prefix) => prefixContains(prefix, unmappedIp(address)));
}

/** The address that a request came from, for the audit log. */
export function remoteAddress(context: Context<AdminEnvironment>): string {
  return context.get('connection').address;
}

/** `https://HOST`, as the browser sees this coordinator. */
export function ownOrigin(context: Context<AdminEnvironment>): string {
  const scheme = context.get('connection').isSecure ? 'https' : 'http';
  return `${scheme}://${(context.req.header('Host') ?? '').toLowerCase()}`;
}

function socketAddress(context: Context): string {
  const bindings = context.env as { incoming?: { socket?: { remoteAddress?: string } } } | undefined;
  return unmapped(bindings?.incoming?.socket?.remoteAddress ?? '');
}

/** A socket's address as text, IPv4 as such. */
export function unmapped(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.)/, '');
}

function list(header: string | undefined): string[] {
  return (header ?? '')
    .split(',')
    .map((item) => item.trim())
    .filter(Boolean);
}

function last(header: string | undefined): string | undefined {
  return list(header).at(-1)?.toLowerCase();
}
