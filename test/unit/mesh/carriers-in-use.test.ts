import { describe, expect, it } from 'vitest';
import { carriersInUse } from '../../../agent/mesh/carriers-in-use.ts';
import { type MeshChoices, wantedState } from '../../../agent/mesh/wanted-state.ts';
import { parsePrefix } from '../../../shared/prefix.ts';
import { aMap, aPeer } from '../../support/map.ts';

const map = aMap([
  aPeer(2, { routes: ['10.1.0.0/16', '10.2.0.0/16'], exitNode: true }),
  aPeer(3, { routes: ['10.1.0.0/16', 'fd01::/64'] }),
]);
const [two, three] = map.peers.map(({ nodeId }) => nodeId) as [string, string];

function inUse(choices: Partial<MeshChoices>, changes: { routed?: string[]; connected?: string[] } = {}) {
  const wanted = wantedState(map, { acceptRoutes: true, ...choices }, 0);
  const connected = (changes.connected ?? []).map((cidr) => parsePrefix(cidr)!);
  return carriersInUse(wanted, changes.routed ?? wanted.routes, connected);
}
const routes = (...args: Parameters<typeof inUse>) =>
  inUse(...args).routeUses.map(({ route, nodeId }) => `${route} ${nodeId}`);

describe('which nodes carry what this host reaches', () => {
  it('is the router that was chosen for each network, and the exit node', () => {
    const routers = new Map([['10.1.0.0/16', three]]);
    const exitNode = { name: 'peer2', nodeId: two };
    expect(inUse({ routers, exitNode })).toEqual({
      routeUses: [
        { route: '10.1.0.0/16', nodeId: three },
        { route: '10.2.0.0/16', nodeId: two },
        { route: 'fd01::/64', nodeId: three },
      ],
      exitNodeId: two,
    });
  });

  it('is nobody for routes that are not accepted, and for an exit that is none', () => {
    const exitNode = { name: 'peer3', nodeId: three };
    expect(inUse({ acceptRoutes: false, exitNode })).toEqual({ routeUses: [], exitNodeId: '' });
  });

  it('is nobody for a network that is not routed, or that this host is connected to', () => {
    expect(routes({}, { routed: ['10.2.0.0/16'] })).toEqual([`10.2.0.0/16 ${two}`]);
    const around = { connected: ['10.1.0.0/16', 'fd01::/48', '10.2.3.0/24'] };
    expect(routes({}, around)).toEqual([`10.2.0.0/16 ${two}`]);
  });

  it('is its router also for a network that is taken in parts', () => {
    expect(routes({}, { routed: ['10.2.0.0/17', '10.2.128.0/18'] })).toEqual([`10.2.0.0/16 ${two}`]);
  });
});
