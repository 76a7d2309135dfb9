import { describe, expect, it } from 'vitest';
import { parseResolver, parseSplit, parseZone } from '../../../coordinator/network/dns-settings.ts';

describe('settings of names', () => {
  it.each([
    ['Mesh.Example.', 'mesh.example'],
    ['.warren', 'warren'],
    ['a-b.x1', 'a-b.x1'],
  ])('%s is a zone', (text, zone) => {
    expect(parseZone(text)).toBe(zone);
  });

  it.each([
    '',
    '.',
    'a..b',
    '-a',
    'a b',
    'ä.example',
    'local',
    'x.local',
    'localhost',
    'arpa',
    'x.onion',
    '10.1',
    'a'.repeat(64),
    `${'a.'.repeat(100)}b`,
  ])('%j is none', (text) => {
    expect(() => parseZone(text)).toThrow(expect.objectContaining({ code: 'usage' }));
  });

  it('take several resolvers for a domain, in their order', () => {
    expect(parseSplit(['b.example=10.0.0.1', 'A.example=fd00::0:1,10.0.0.3', 'b.example=10.0.0.2'])).toEqual([
      { domain: 'a.example', resolvers: ['fd00::1', '10.0.0.3'] },
      { domain: 'b.example', resolvers: ['10.0.0.1', '10.0.0.2'] },
    ]);
  });

  it.each(['dns.example', '10.0.0.1:53', '127.0.0.1', '::1', '0.0.0.0', '::', ''])(
    '%j is no resolver',
    (text) => {
      expect(() => parseResolver(text)).toThrow(expect.objectContaining({ code: 'usage' }));
    },
  );

  it.each(['a.example', 'a.example=', '=10.0.0.1', 'a b=10.0.0.1'])('%j is no split domain', (text) => {
    expect(() => parseSplit([text])).toThrow(expect.objectContaining({ code: 'usage' }));
  });
});
