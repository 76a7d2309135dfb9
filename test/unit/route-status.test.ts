import { describe, expect, it } from 'vitest';
import { routingStatus } from '../../agent/route-status.ts';
import { aMap, aPeer } from '../support/map.ts';

const NOTHING = { routes: [], mappings: [], acceptRoutes: true };

describe('what is told of routes', () => {
  it('networks of others with their router, and those of several with who stands in', () => {
    const map = aMap([
      aPeer(3, { routes: ['10.2.0.0/16', '10.1.0.0/16'] }),
      aPeer(4, { routes: ['10.1.0.0/16'] }),
    ]);
    const chosen = [{ route: '10.1.0.0/16', router: 'peer4', standIns: ['peer3'], why: 'direct' }];
    expect(routingStatus(map, NOTHING, chosen, []).routes).toEqual([
      ...chosen,
      { route: '10.2.0.0/16', router: 'peer3', standIns: [], why: null },
    ]);
    expect(routingStatus(map, { ...NOTHING, acceptRoutes: false }, [], []).routes).toEqual([]);
    expect(routingStatus(null, NOTHING, [], []).routes).toEqual([]);
  });

  it('own ones with what became of them, and not as those of a peer that carries them too', () => {
    const map = aMap([aPeer(3, { routes: ['10.201.1.0/24'] })], { approvedRoutes: ['10.201.1.0/24'] });
    const offered = {
      routes: ['10.201.1.0/24', '10.5.0.0/16', '100.64.0.0/16'],
      mappings: [{ prefix: '10.201.1.0/24', sitePrefix: '192.168.1.0/24' }],
      acceptRoutes: true,
    };
    const { advertised, routes } = routingStatus(map, offered, [], []);
    expect(advertised).toEqual([
      { route: '10.201.1.0/24', sitePrefix: '192.168.1.0/24', state: 'approved' },
      { route: '10.5.0.0/16', sitePrefix: null, state: 'waits for approval' },
      { route: '100.64.0.0/16', sitePrefix: null, state: 'cannot be approved: it overlaps the mesh' },
    ]);
    expect(routes).toEqual([]);
  });

  it('what the coordinator has to say, and what this host cannot have', () => {
    const map = aMap([], { notices: ['a'] });
    expect(routingStatus(map, NOTHING, [], ['b']).notices).toEqual(['a', 'b']);
  });
});
