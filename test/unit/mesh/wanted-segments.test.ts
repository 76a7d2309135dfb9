import { expect, it } from 'vitest';
import { segmentRules } from '../../../agent/host/segment-rules.ts';
import { wantedSegments } from '../../../agent/mesh/wanted-segments.ts';
import { wantedState } from '../../../agent/mesh/wanted-state.ts';
import { aMap, aPeer } from '../../support/map.ts';

const LAB = { name: 'lab', vni: 7 };
const map = aMap(
  [
    aPeer(3, { segments: ['lab'] }),
    aPeer(2, { segments: ['lab', 'other'] }),
    aPeer(4, { segments: ['other'] }),
    aPeer(5, { segments: ['lab'], keyExpiresAt: 50 }),
  ],
  { segments: [LAB, { name: 'other', vni: 8 }] },
);
const of = (names: string[], changed = map) =>
  wantedSegments(
    changed,
    wantedState(changed, { acceptRoutes: false }, 100),
    names.map((name) => ({ name, bridge: null })),
  );

it('a segment has the members that are peers, by their IPv4 addresses', () => {
  expect(of(['lab'])).toEqual([
    {
      ...LAB,
      device: 'seg-lab',
      bridge: null,
      local: '100.64.0.1',
      members: ['100.64.0.2', '100.64.0.3'],
    },
  ]);
});

it.each([
  ['one that this host did not ask for', [], map],
  ['one that was not granted', ['lab'], aMap([aPeer(2, { segments: ['lab'] })])],
])('%s is none', (_what, names, changed) => {
  expect(of(names, changed)).toEqual([]);
});

it('an own key that has expired leaves nobody to talk to', () => {
  const expired = aMap(map.peers, { segments: [LAB], keyExpiresAt: 50 });
  expect(of(['lab'], expired)[0]?.members).toEqual([]);
});

it('rules let members in by the tunnel, each into its segment alone', () => {
  expect(segmentRules('warren0', of(['lab', 'other']))).toBe(`table inet warren-segments-warren0
delete table inet warren-segments-warren0
table inet warren-segments-warren0 {
  chain input {
    type filter hook input priority filter - 10; policy accept;
    udp dport 14789 jump segments
  }
  chain segments {
    iifname != "warren0" counter drop
    @th,96,24 7 ip saddr { 100.64.0.2, 100.64.0.3 } accept
    @th,96,24 8 ip saddr { 100.64.0.2, 100.64.0.4 } accept
    counter drop
  }
}
`);
});

it('a segment without members lets nobody in, and without segments there is no table', () => {
  const alone = of(['lab'], aMap([], { segments: [LAB] }));
  expect(segmentRules('warren0', alone)).not.toMatch(/accept$/m);
  expect(segmentRules('warren0', [])).toBe(
    'table inet warren-segments-warren0\ndelete table inet warren-segments-warren0\n',
  );
});
