import { describe, expect, it } from 'vitest';
import { checkRelayFacts, stunServersAt } from '../../../coordinator/network/relay-facts.ts';

const at = (host: string, port = 3478) => ({ host, port, alternatePort: port + 1 });

describe('where agents find the STUN servers of a host', () => {
  it.each([
    [
      'all IPv4 addresses',
      ['https://192.0.2.1:8443', 'https://[2001:db8::1]:8443'],
      [at('0.0.0.0')],
      ['192.0.2.1'],
    ],
    [
      'all IPv6 addresses',
      ['https://192.0.2.1:8443', 'https://[2001:db8::1]:8443'],
      [at('::')],
      ['2001:db8::1'],
    ],
    [
      'all addresses',
      ['https://192.0.2.1:8443', 'https://[2001:db8::1]:8443'],
      [at('0.0.0.0'), at('::')],
      ['192.0.2.1', '2001:db8::1'],
    ],
    ['one address', ['https://192.0.2.1:8443', 'https://192.0.2.2:8443'], [at('192.0.2.2')], ['192.0.2.2']],
    ['a name, once', ['https://vpn.example.com:8443'], [at('0.0.0.0'), at('::')], ['vpn.example.com']],
    ['nowhere that can be told', ['https://192.0.2.1:8443'], [at('127.0.0.1')], []],
  ])('that listens on %s', (_, urls, listens, hosts) => {
    expect(stunServersAt(urls, listens)).toEqual(hosts.map((host) => at(host)));
  });
});

describe('what a relay says of itself', () => {
  it('is cut to size', () => {
    const facts = checkRelayFacts({
      name: 'x'.repeat(1_000),
      urls: Array.from({ length: 100 }, (_, i) => `https://192.0.2.1:${i + 1}`),
      stunServers: Array.from({ length: 100 }, () => at('192.0.2.1')),
    });
    expect([facts.name.length, facts.urls.length, facts.stunServers.length]).toEqual([64, 8, 8]);
  });

  it.each(['http://192.0.2.1:1', 'https://192.0.2.1', 'https://192.0.2.1:1/path', 'javascript:1', ''])(
    'is refused where %j is its one URL',
    (url) => {
      expect(() => checkRelayFacts({ name: '', urls: [url], stunServers: [] })).toThrow(/names no URL/);
    },
  );
});
