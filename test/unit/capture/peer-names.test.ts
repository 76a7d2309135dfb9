import { expect, it } from 'vitest';
import { PeerNames } from '../../../agent/capture/peer-names.ts';
import { parseIp } from '../../../shared/ip.ts';

const names = new PeerNames([
  { name: 'router', addresses: ['100.64.0.2'], allowedIps: ['100.64.0.2/32', '192.168.0.0/16'] },
  {
    name: 'inner',
    addresses: ['100.64.0.3', 'fd00::3'],
    allowedIps: ['100.64.0.3/32', '192.168.7.0/24', 'fd00::3/128'],
  },
]);

it.each([
  ['100.64.0.2', 'router'],
  ['192.168.1.1', 'router'],
  ['192.168.7.1', 'inner'],
  ['fd00::3', 'inner'],
  ['100.64.0.4', null],
  ['fd00::4', null],
])('%s is of %s', (address, name) => {
  expect(names.of(parseIp(address) as Uint8Array)).toBe(name);
  expect(names.of(parseIp(address) as Uint8Array)).toBe(name);
});

it('names of a file are those of nodes, not of networks behind them', () => {
  expect([...names.entries()].map(([address, name]) => `${address.length} ${name}`)).toEqual([
    '4 router',
    '4 inner',
    '16 inner',
  ]);
});
