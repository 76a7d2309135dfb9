import dns from 'dns-packet';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mapAnswer, mappedNetworksAt } from '../../../agent/names/mapped-answer.ts';
import { type Prefix, parsePrefix } from '../../../shared/prefix.ts';
import { aMap, aPeer } from '../../support/map.ts';

const network = (site: string, mesh: string) => ({
  site: parsePrefix(site) as Prefix,
  mesh: parsePrefix(mesh) as Prefix,
});
const networks = [network('192.168.1.0/24', '10.201.1.0/24'), network('fd01::/64', 'fd02:0:0:5::/64')];
const message = dns.encode({
  type: 'response',
  id: 1,
  flags: dns.AUTHENTIC_DATA,
  questions: [{ type: 'A', name: 'printer.site.example' }],
  answers: [
    { type: 'CNAME', name: 'printer.site.example', data: 'p1.site.example' },
    { type: 'A', name: 'p1.site.example', data: '192.168.1.77' },
    { type: 'A', name: 'p1.site.example', data: '192.168.2.77' },
    { type: 'AAAA', name: 'p1.site.example', data: 'fd01::1:77' },
  ],
  additionals: [{ type: 'TXT', name: 'p1.site.example', data: 'oooo' }],
});
const data = (bytes: Uint8Array) =>
  (dns.decode(Buffer.from(bytes)).answers ?? []).map((answer) => (answer as { data: unknown }).data);

describe('the answer of a resolver behind a mapped route', () => {
  it('has the addresses under which the mesh reaches the site, and everything else as it was', () => {
    const mapped = mapAnswer(message, networks) as Uint8Array;
    expect(data(mapped)).toEqual(['p1.site.example', '10.201.1.77', '192.168.2.77', 'fd02::5:0:0:1:77']);
    expect(mapped.length).toBe(message.length);
    expect(dns.decode(Buffer.from(mapped)).flag_ad).toBe(false);
    expect(data(message)[1]).toBe('192.168.1.77');
  });

  it('keeps the host bits where a prefix ends within an octet', () => {
    const bytes = dns.encode({ type: 'response', answers: [{ type: 'A', name: 'a', data: '172.17.200.9' }] });
    expect(data(mapAnswer(bytes, [network('172.16.0.0/12', '10.48.0.0/12')]) as Uint8Array)).toEqual([
      '10.49.200.9',
    ]);
  });

  it('is left alone where nothing of it is the site’s', () => {
    expect(mapAnswer(message, [network('192.168.9.0/24', '10.0.0.0/24')])).toEqual(Uint8Array.from(message));
  });

  it('that cannot be read is none; random bytes throw nothing', () => {
    expect(mapAnswer(message.subarray(0, 60), networks)).toBeNull();
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), fc.nat(message.length), (noise, at) => {
        mapAnswer(noise, networks);
        mapAnswer(Uint8Array.from([...message.subarray(0, at), ...noise]), networks);
      }),
      { numRuns: 2_000 },
    );
  });

  it('is the site’s of the router whose mapped network holds the resolver', () => {
    const map = aMap([
      aPeer(2, { nodeId: 'a', mappings: [{ prefix: '10.200.1.0/24', sitePrefix: '192.168.1.0/24' }] }),
      aPeer(2, {
        nodeId: 'b',
        mappings: [
          { prefix: '10.201.1.0/24', sitePrefix: '192.168.1.0/24' },
          { prefix: '10.201.2.0/24', sitePrefix: '192.168.2.0/24' },
        ],
      }),
    ]);
    expect(mappedNetworksAt('10.201.1.53', map)).toEqual([
      network('192.168.1.0/24', '10.201.1.0/24'),
      network('192.168.2.0/24', '10.201.2.0/24'),
    ]);
    expect(mappedNetworksAt('10.9.9.9', map)).toEqual([]);
  });
});
