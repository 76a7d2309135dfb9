import { describe, expect, it } from 'vitest';
import { candidateChanges } from '../../../agent/mesh/peer-changes.ts';
import { type Transit, wantedTransit } from '../../../agent/mesh/transit.ts';
import { wantedState } from '../../../agent/mesh/wanted-state.ts';
import { aMap, aPeer } from '../../support/map.ts';

const NOW = 1_000_000;
const ALL = { acceptRoutes: true };
const NONE = { acceptRoutes: false };

/** Allowed IPs by node id. */
const allowed = (...args: Parameters<typeof wantedState>) =>
  Object.fromEntries(wantedState(...args).peers.map((peer) => [peer.nodeId, peer.allowedIps]));

describe('the wanted state', () => {
  it("gives the interface the node's own addresses and the mesh's ranges", () => {
    const wanted = wantedState(aMap([aPeer(2)]), NONE, NOW);
    expect(wanted.addresses).toEqual(['100.64.0.1/32', 'fd00::1/128']);
    expect(wanted.routes).toEqual(['100.64.0.0/10', 'fd00::/48']);
  });

  it('allows a peer its own addresses and nothing else', () => {
    expect(allowed(aMap([aPeer(2)]), NONE, NOW)).toEqual({ 'node-002': ['100.64.0.2/32', 'fd00::2/128'] });
  });

  it('SEC-8: routes of peers are taken only by those that accept routes', () => {
    const map = aMap([aPeer(2, { routes: ['10.0.0.0/8'] })]);
    expect(allowed(map, NONE, NOW)['node-002']).not.toContain('10.0.0.0/8');
    expect(wantedState(map, NONE, NOW).routes).not.toContain('10.0.0.0/8');
    expect(allowed(map, ALL, NOW)['node-002']).toContain('10.0.0.0/8');
    expect(wantedState(map, ALL, NOW).routes).toContain('10.0.0.0/8');
  });

  it('SEC-43: a network of several routers goes to the one that was chosen, if it carries it, and may answer from each', () => {
    const map = aMap([2, 3].map((n) => aPeer(n, { routes: ['10.0.0.0/8'] })));
    const through = (nodeId: string) => {
      const routers = new Map([['10.0.0.0/8', nodeId]]);
      const by = allowed(map, { acceptRoutes: true, routers }, NOW);
      return Object.keys(by).filter((id) => by[id]?.includes('10.0.0.0/8'));
    };
    expect(through('node-003')).toEqual(['node-003']);
    expect(through('node-002')).toEqual(['node-002']);
    expect(through('node-009')).toEqual(['node-002']);
    expect(wantedState(map, ALL, NOW).standIns).toEqual([
      { route: '10.0.0.0/8', publicKeys: map.peers.map(({ publicKey }) => publicKey) },
    ]);
    expect(wantedState(map, NONE, NOW).standIns).toEqual([]);
  });

  it('SEC-6: a peer whose key has expired is none', () => {
    const map = aMap([aPeer(2, { keyExpiresAt: NOW }), aPeer(3, { keyExpiresAt: NOW + 1 })]);
    expect(Object.keys(allowed(map, NONE, NOW))).toEqual(['node-003']);
    expect(Object.keys(allowed(map, NONE, NOW - 1))).toEqual(['node-002', 'node-003']);
  });

  it('SEC-6: with an own key that has expired there are no peers', () => {
    expect(wantedState(aMap([aPeer(2)], { keyExpiresAt: NOW }), NONE, NOW).peers).toEqual([]);
  });

  it.each([
    ['none expires', 0, [0, 0], Number.POSITIVE_INFINITY],
    ['the earliest peer', 0, [NOW + 50, NOW + 20], NOW + 20],
    ['the own key', NOW + 10, [NOW + 50, 0], NOW + 10],
    ['what has expired already does not count', 0, [NOW - 5, NOW + 9], NOW + 9],
  ])('the next expiry: %s', (_name, own, peers, expected) => {
    const map = aMap(
      peers.map((at, index) => aPeer(index + 2, { keyExpiresAt: at })),
      { keyExpiresAt: own },
    );
    expect(wantedState(map, NONE, NOW).nextExpiry).toBe(expected);
  });

  describe('a plain WireGuard device', () => {
    const device = (gateway: string, direct: boolean) =>
      aPeer(9, { endpoints: [], online: false, device: { gateway, direct } });

    it('is a peer with its own addresses where it dials this host, and nothing is said to it of paths', () => {
      const map = aMap([aPeer(2), device('node-002', true)]);
      expect(allowed(map, NONE, NOW)).toEqual({
        'node-002': ['100.64.0.2/32', 'fd00::2/128'],
        'node-009': ['100.64.0.9/32', 'fd00::9/128'],
      });
      const { peers } = wantedState(map, NONE, NOW);
      expect(peers.map(({ isDevice }) => isDevice)).toEqual([false, true]);
      expect(candidateChanges([], peers).map(({ candidates }) => candidates.length)).toEqual([1]);
    });

    it('is reached through its gateway elsewhere, from where alone its addresses are taken', () => {
      const map = aMap([aPeer(2), aPeer(3), device('node-002', false)]);
      expect(allowed(map, NONE, NOW)).toEqual({
        'node-002': ['100.64.0.2/32', '100.64.0.9/32', 'fd00::2/128', 'fd00::9/128'],
        'node-003': ['100.64.0.3/32', 'fd00::3/128'],
      });
      expect(wantedState(map, NONE, NOW).routes).toEqual(['100.64.0.0/10', 'fd00::/48']);
    });

    it('is nobody’s while its gateway is not there, and when its key has expired', () => {
      expect(allowed(aMap([aPeer(3), device('node-002', false)]), NONE, NOW)).toEqual({
        'node-003': ['100.64.0.3/32', 'fd00::3/128'],
      });
      const expired = { ...device('node-002', false), keyExpiresAt: NOW };
      expect(allowed(aMap([aPeer(2), expired]), NONE, NOW)['node-002']).not.toContain('100.64.0.9/32');
    });

    it('is forwarded for by its gateway alone, between it and the others', () => {
      const transit = (gateway: string, direct: boolean, keyExpiresAt = 0) => {
        const map = aMap([aPeer(2), { ...device(gateway, direct), keyExpiresAt }]);
        return wantedTransit(map, wantedState(map, NONE, NOW));
      };
      expect(transit('self', true)).toEqual({
        devices: ['100.64.0.9/32', 'fd00::9/128'],
        own: ['100.64.0.1/32', 'fd00::1/128'],
        towards: ['100.64.0.0/10', 'fd00::/48'],
        except: ['100.64.0.1/32', 'fd00::1/128', '100.64.0.9/32', 'fd00::9/128'],
      });
      expect(transit('node-002', true)).toBeNull();
      expect(transit('self', true, NOW)).toBeNull();
    });

    it('SEC-36: is judged for by an agent that it dials, also for devices which that is the gateway of', () => {
      const own = aPeer(8, { endpoints: [], device: { gateway: 'self', direct: true } });
      const map = aMap([aPeer(2), own, device('node-002', true)]);
      const { devices, except } = wantedTransit(map, wantedState(map, NONE, NOW)) as Transit;
      expect(devices).toEqual(['100.64.0.8/32', 'fd00::8/128']);
      expect(except).toContain('100.64.0.9/32');
    });
  });

  describe('two peers that claim the same', () => {
    const both = (changes: object) => [
      aPeer(2, { addresses: ['100.64.0.9', 'fd00::9'], ...changes }),
      aPeer(3, { addresses: ['100.64.0.9', 'fd00::9'] }),
    ];

    it('address: the lesser node id has it, in whatever order the map is', () => {
      const peers = both({});
      expect(allowed(aMap(peers), NONE, NOW)).toEqual(allowed(aMap([...peers].reverse()), NONE, NOW));
      expect(allowed(aMap(peers), NONE, NOW)).toEqual({
        'node-002': ['100.64.0.9/32', 'fd00::9/128'],
        'node-003': [],
      });
    });

    it('address: the one that is online goes first', () => {
      expect(allowed(aMap(both({ online: false })), NONE, NOW)['node-003']).toHaveLength(2);
    });

    it('address: one that has expired has no claim', () => {
      expect(allowed(aMap(both({ keyExpiresAt: NOW })), NONE, NOW)).toEqual({
        'node-003': ['100.64.0.9/32', 'fd00::9/128'],
      });
    });

    it('route: one of them carries it, and the other when that one goes offline', () => {
      const routes = ['10.0.0.0/24'];
      const owner = (online: boolean) =>
        Object.entries(allowed(aMap([aPeer(2, { routes, online }), aPeer(3, { routes })]), ALL, NOW)).flatMap(
          ([id, ips]) => (ips.includes('10.0.0.0/24') ? [id] : []),
        );
      expect(owner(true)).toEqual(['node-002']);
      expect(owner(false)).toEqual(['node-003']);
    });
  });

  it("no peer takes this node's own address or the network that it carries itself", () => {
    const thief = aPeer(2, { addresses: ['100.64.0.1'], routes: ['10.1.0.0/24', 'fd00::1/128'] });
    const wanted = wantedState(aMap([thief], { approvedRoutes: ['10.1.0.0/24'] }), ALL, NOW);
    expect(wanted.peers[0]?.allowedIps).toEqual([]);
    expect(wanted.routes).not.toContain('10.1.0.0/24');
  });

  it("a route never takes a member's address, whoever is listed or online first", () => {
    const victim = aPeer(3, { online: false });
    const thief = aPeer(2, { routes: ['100.64.0.3/32'] });
    expect(allowed(aMap([thief, victim]), ALL, NOW)['node-003']).toContain('100.64.0.3/32');
    expect(allowed(aMap([thief, victim]), ALL, NOW)['node-002']).not.toContain('100.64.0.3/32');
  });
});
