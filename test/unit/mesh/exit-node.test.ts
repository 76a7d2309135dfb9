import { describe, expect, it } from 'vitest';
import { exitState } from '../../../agent/mesh/exit-node.ts';
import { wantedState } from '../../../agent/mesh/wanted-state.ts';
import { type IpBytes, parseIp } from '../../../shared/ip.ts';
import { type Prefix, parsePrefix, prefixContains } from '../../../shared/prefix.ts';
import { aMap, aPeer } from '../../support/map.ts';

const NOW = 1_000_000;
const byName = { name: 'peer2', nodeId: null };
/** A part of the Internet each. */
const INTERNET = ['0.0.0.0/2', '::/1'];

/** Of the second peer. */
function wanted(peer: object, exitNode: Parameters<typeof wantedState>[1]['exitNode']) {
  const state = wantedState(
    aMap([aPeer(2, { exitNode: true, ...peer }), aPeer(3, { exitNode: true })]),
    { acceptRoutes: false, exitNode },
    NOW,
  );
  return { exit: state.exit, routes: state.routes, allowed: state.peers.map(({ allowedIps }) => allowedIps) };
}

describe('the chosen exit node', () => {
  it('gets the Internet of both families as allowed IPs, and it is no route of the main table', () => {
    const { exit, routes, allowed } = wanted({}, byName);
    expect(exit).toEqual({ nodeId: 'node-002' });
    expect(allowed[0]).toEqual(expect.arrayContaining(INTERNET));
    expect(allowed[1]).not.toEqual(expect.arrayContaining(INTERNET));
    expect(routes).toEqual(['100.64.0.0/10', 'fd00::/48']);
  });

  it('SEC-13: has no address of the mesh but its own, not even those of members that are no more', () => {
    const holders = (address: string) =>
      wanted({}, byName).allowed.map((cidrs) =>
        cidrs.some((cidr) => prefixContains(parsePrefix(cidr) as Prefix, parseIp(address) as IpBytes)),
      );
    for (const own of ['100.64.0.2', 'fd00::2']) expect(holders(own)).toEqual([true, false]);
    for (const nobodys of ['100.64.0.9', '100.127.255.255', 'fd00::9', 'fd00:0:0:ffff::1'])
      expect(holders(nobodys)).toEqual([false, false]);
    for (const outside of ['100.63.255.255', '100.128.0.0', '192.0.2.1', 'fd00:0:1::', '2001:db8::1'])
      expect(holders(outside)).toEqual([true, false]);
  });

  it.each(['peer2', 'node-002', '100.64.0.2', 'fd00::2'])('is found by %s', (name) => {
    expect(wanted({}, { name, nodeId: null }).exit).toEqual({ nodeId: 'node-002' });
  });

  it('stays the same node under another name, and is not whoever has that name now', () => {
    const choice = { name: 'peer3', nodeId: 'node-002' };
    expect(wanted({ name: 'renamed' }, choice).exit).toEqual({ nodeId: 'node-002' });
  });

  it.each([
    ['is granted no more', { exitNode: false }],
    ['has expired', { keyExpiresAt: NOW }],
    ['is gone', { nodeId: 'node-009', name: 'other', addresses: ['100.64.0.9'] }],
  ])('SEC-41: one that %s is still chosen, and carries nothing', (_why, change) => {
    const { exit, allowed } = wanted(change, byName);
    expect(exit).toEqual({ nodeId: null });
    for (const cidrs of allowed) expect(cidrs).not.toEqual(expect.arrayContaining(INTERNET));
  });

  it('SEC-8: none is used that nobody chose', () => {
    const { exit, allowed } = wanted({}, null);
    expect(exit).toBeNull();
    for (const cidrs of allowed) expect(cidrs).not.toEqual(expect.arrayContaining(INTERNET));
  });

  it.each([
    ['in use', {}],
    ['offline', { online: false }],
    ['not an exit node', { exitNode: false }],
    ['expired', { keyExpiresAt: NOW - 1 }],
    ['unknown', { name: 'other', nodeId: 'node-009' }],
  ])('is told to be %s', (state, change) => {
    expect(exitState(aMap([aPeer(2, { exitNode: true, ...change })]), byName, NOW)).toBe(state);
  });
});
