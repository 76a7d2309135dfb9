import { describe, expect, it } from 'vitest';
import { withExitDns } from '../../../agent/mesh/exit-dns.ts';
import { aSelf } from '../../support/map.ts';

const rule = (destinations: string[], sources = ['100.64.0.7/32']) => ({
  id: 'acls[0]',
  sources,
  destinations,
  services: [{ protocol: 6, firstPort: 443, lastPort: 443 }],
});
const added = (destinations: string[], changes = {}) =>
  withExitDns(
    aSelf({ exitNodeApproved: true, filter: { rules: [rule(destinations)] }, ...changes }),
  )?.rules.slice(1);

describe('names at an exit node', () => {
  it.each([['203.0.113.0/24'], ['2000::/3'], ['1.0.0.0/8']])(
    'are asked by whom the policy lets to %s',
    (cidr) => {
      expect(added(['100.64.0.1/32', cidr])).toEqual([
        {
          id: expect.any(String),
          sources: ['100.64.0.7/32'],
          destinations: ['100.64.0.1/32', 'fd00::1/128'],
          services: [
            { protocol: 17, firstPort: 53, lastPort: 53 },
            { protocol: 6, firstPort: 53, lastPort: 53 },
          ],
        },
      ]);
    },
  );

  it.each([
    ['the node itself', ['100.64.0.1/32', 'fd00::1/128'], {}],
    ['a network that it carries', ['203.0.113.0/24'], { approvedRoutes: ['203.0.113.0/24'] }],
    ['a private network', ['192.168.0.0/16'], {}],
    ['the Internet at one that is no exit', ['203.0.113.0/24'], { exitNodeApproved: false }],
  ])('are not for whom it lets to %s', (_what, destinations, changes) => {
    expect(added(destinations, changes)).toEqual([]);
  });

  it('are for everybody where there is no policy', () => {
    expect(withExitDns(aSelf({ exitNodeApproved: true }))).toBeUndefined();
  });
});
