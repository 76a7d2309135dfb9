import { Hono } from 'hono';
import { describe, expect, it } from 'vitest';
import type { AdminEnvironment } from '../../../coordinator/admin/actor.ts';
import { connection } from '../../../coordinator/admin/connection.ts';
import { parsePrefix } from '../../../shared/prefix.ts';

/** What is found out of a request from an address with headers, where 10.0.0.0/8 and fd00::1 are proxies of ours. */
async function found(address: string, headers: Record<string, string>) {
  const app = new Hono<AdminEnvironment>();
  app.use(connection(['10.0.0.0/8', 'fd00::1'].map((text) => parsePrefix(text)!)));
  app.get('/', (context) => context.json(context.get('connection')));
  const answer = await app.request('/', { headers }, { incoming: { socket: { remoteAddress: address } } });
  return answer.json();
}

describe('where a request came from', () => {
  it.each([
    ['a stranger is not believed', '192.0.2.1', '198.51.100.1', 'https', '192.0.2.1', false],
    ['a proxy of ours is', '10.0.0.1', '198.51.100.1', 'https', '198.51.100.1', true],
    ['by IPv6 too', 'fd00::1', '2001:db8::7', 'https', '2001:db8::7', true],
    ['as the kernel maps it', '::ffff:10.0.0.1', '198.51.100.1', 'http', '198.51.100.1', false],
    ['what a client wrote before it is not', '10.0.0.1', '1.1.1.1, 198.51.100.1', '', '198.51.100.1', false],
    ['through two of ours', '10.0.0.1', '198.51.100.1, 10.9.9.9', 'https', '198.51.100.1', true],
    ['as the proxy maps it', '10.0.0.1', '::ffff:198.51.100.1', 'https', '198.51.100.1', true],
    ['nonsense is left out', '10.0.0.1', 'evil, unknown', 'https', '10.0.0.1', true],
    ['of several schemes the last counts', '10.0.0.1', '', 'https, http', '10.0.0.1', false],
  ])('%s', async (_, address, forwarded, scheme, expected, isSecure) => {
    const headers = { 'X-Forwarded-For': forwarded, 'X-Forwarded-Proto': scheme };
    expect(await found(address, headers)).toEqual({ address: expected, isSecure });
  });
});
