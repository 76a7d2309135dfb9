import type { NetworkInterfaceInfo } from 'node:os';
import { expect, it } from 'vitest';
import { Zones } from '../../../agent/drivers/portable/zones.ts';

const linkLocal = (scopeid: number) => [
  { family: 'IPv4', address: '192.0.2.1' } as NetworkInterfaceInfo,
  { family: 'IPv6', address: 'fe80::1', scopeid } as NetworkInterfaceInfo,
];

it('a zone has a number and a name', () => {
  const zones = new Zones(
    () => ({ eth0: linkLocal(2), eth1: linkLocal(7) }),
    () => 0,
  );
  expect([zones.name(2), zones.name(7), zones.index('eth0'), zones.index('eth1')]).toEqual([
    'eth0',
    'eth1',
    2,
    7,
  ]);
});

it('an interface without a link-local address is no zone', () => {
  const zones = new Zones(
    () => ({ lo: [{ family: 'IPv6', address: '::1', scopeid: 0 } as NetworkInterfaceInfo] }),
    () => 0,
  );
  expect([zones.name(0), zones.name(1), zones.index('lo')]).toEqual([null, null, 0]);
});

it('the system is asked again after five seconds, not for every datagram', () => {
  let now = 0;
  let asked = 0;
  const zones = new Zones(
    () => ({ [`eth${asked++}`]: linkLocal(2) }),
    () => now,
  );
  for (; now < 5_000; now += 1_000) expect(zones.name(2)).toBe('eth0');
  expect(zones.name(2)).toBe('eth1');
  expect(asked).toBe(2);
});
