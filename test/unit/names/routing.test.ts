import { describe, expect, it } from 'vitest';
import { neededNames } from '../../../agent/names/name-service.ts';
import { wayOf } from '../../../agent/names/routing.ts';
import { Zone } from '../../../agent/names/zone.ts';
import { aMap, aPeer } from '../../support/map.ts';

const map = aMap([aPeer(2, { name: 'oslo' })]);
const routing = {
  zone: new Zone(map),
  dns: {
    resolvers: ['10.9.9.9', '127.0.0.87'],
    split: [
      { domain: 'example', resolvers: ['10.1.0.53'] },
      { domain: 'Corp.Example', resolvers: ['10.2.0.53'] },
      { domain: 'lab.warren', resolvers: ['10.3.0.53'] },
    ],
  },
  hostResolvers: ['192.0.2.53', '127.0.0.88'],
  exitResolvers: null,
  needed: new Set(['vpn.corp.example', 'coord.warren']),
};

describe('the way of a question', () => {
  it.each([
    ['corp.example', '10.2.0.53', 'split'],
    ['a.b.corp.example', '10.2.0.53', 'split'],
    ['acorp.example', '10.1.0.53', 'split'],
    ['x.lab.warren', '10.3.0.53', 'split'],
    ['example.org', '10.9.9.9', 'network'],
  ])('%s: the longest domain wins: %s', (name, resolver, by) => {
    expect(wayOf(name, routing)).toEqual({ kind: 'forward', resolvers: [resolver], by });
  });

  it('of names of the network leads nowhere else', () => {
    expect(wayOf('oslo.warren', routing).kind).toBe('zone');
    expect(wayOf('lost.warren', routing)).toMatchObject({ kind: 'zone', entry: { records: null } });
  });

  it('SEC-41: with an exit node leads to it and never to the host’s own, but for what the agent needs', () => {
    const alone = { ...routing, dns: { resolvers: [], split: [] }, exitResolvers: ['100.64.0.2'] };
    expect(wayOf('example.org', alone)).toEqual({ kind: 'forward', resolvers: ['100.64.0.2'], by: 'exit' });
    expect(wayOf('example.org', { ...alone, exitResolvers: [] })).toMatchObject({ resolvers: [] });
    expect(wayOf('vpn.corp.example', alone)).toEqual({ kind: 'needed', resolvers: ['192.0.2.53'] });
    expect(wayOf('example.org', { ...routing, exitResolvers: ['100.64.0.2'] })).toMatchObject({
      by: 'network',
    });
  });

  it('of what the agent needs is the host’s own resolvers, in a split domain and in the zone too', () => {
    for (const name of routing.needed)
      expect(wayOf(name, routing)).toEqual({ kind: 'needed', resolvers: ['192.0.2.53'] });
  });

  it('without settings leads to the host’s own resolvers, and never to an agent', () => {
    expect(wayOf('example.org', { ...routing, dns: { resolvers: [], split: [] } })).toEqual({
      kind: 'forward',
      resolvers: ['192.0.2.53'],
      by: 'host',
    });
  });

  it('knows what is needed by coordinator, relays and STUN servers; addresses need no resolver', () => {
    const self = {
      ...map.self,
      relays: [{ id: 'r', urls: ['https://Relay.example:8443', 'https://192.0.2.1:8443'], tlsName: 'r' }],
      stunServers: [{ host: 'stun.example.', port: 3478, alternatePort: 3479 }],
    };
    const urls = ['https://vpn.example:8443', 'https://[2001:db8::1]:8443'];
    expect([...neededNames({ ...map, self }, urls)]).toEqual([
      'vpn.example',
      'relay.example',
      'stun.example',
    ]);
  });
});
