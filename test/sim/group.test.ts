/** Broadcasts and multicasts: copies to the peers that are to have them. */
import { beforeAll, describe, expect, it } from 'vitest';
import { cryptoReady } from '../../agent/wireguard/crypto.ts';
import { type Host, ipv4, ipv6, World } from './world.ts';

beforeAll(cryptoReady);

/** Host 10.0.0.1 and three others, of which the first two are in its group. */
function groupOfTwo(world: World): { sender: Host; others: [Host, Host, Host] } {
  const sender = world.host('192.0.2.1:51820');
  const others = [2, 3, 4].map((n) => {
    const other = world.host(`192.0.2.${n}:51820`);
    sender.addPeer(other, [`10.0.0.${n}/32`, `fd00::${n}/128`], { endpoint: other.address });
    other.addPeer(sender, ['10.0.0.1/32', 'fd00::1/128'], { endpoint: sender.address });
    return other;
  });
  sender.setGroup(others[0] as Host, true);
  sender.setGroup(others[1] as Host, true);
  return { sender, others: others as [Host, Host, Host] };
}

function udp6(destination: string): Uint8Array {
  const packet = ipv6('fd00::1', destination, 60);
  packet[6] = 17;
  return packet;
}

describe.each([1, 2, 4])('%i workers', (workers) => {
  it.each([
    ['mDNS', ipv4('10.0.0.1', '224.0.0.251', 60)],
    ['the end of 224.0.0.0/4', ipv4('10.0.0.1', '239.255.255.255', 60)],
    ['a limited broadcast', ipv4('10.0.0.1', '255.255.255.255', 60)],
    ['IPv6 multicast', udp6('ff02::fb')],
  ])('%s reaches everybody in the group, once, and nobody else', (_what, packet) => {
    const world = new World(1);
    world.workers = workers;
    const { sender, others } = groupOfTwo(world);
    for (let i = 0; i < 8; i++) {
      sender.send(packet);
      world.run(1000);
    }
    expect(others.map(({ received }) => received.length)).toEqual([8, 8, 0]);
    expect(others[1].received[7]).toEqual(packet);
    expect(sender.counter('no-route')).toBe(0);
  });

  it('who has left the group, or is no peer any more, gets none; without anybody in it they are dropped and counted', () => {
    const world = new World(2);
    world.workers = workers;
    const { sender, others } = groupOfTwo(world);
    const packet = ipv4('10.0.0.1', '224.0.0.251', 60);
    sender.setGroup(others[0], false);
    world.run(100);
    sender.send(packet);
    world.run(1000);
    sender.removePeer(others[1]);
    world.run(100);
    sender.send(packet);
    world.run(1000);
    expect(others.map(({ received }) => received.length)).toEqual([0, 1, 0]);
    expect(sender.counter('no-route')).toBe(1);
  });
});

const igmp = ipv4('10.0.0.1', '224.0.0.22', 60);
igmp[9] = 2;
const mld = ipv6('fd00::1', 'ff02::16', 60);
mld[6] = 0;

it.each([
  ['the address below 224.0.0.0/4', ipv4('10.0.0.1', '223.255.255.255', 60)],
  ['the one above', ipv4('10.0.0.1', '240.0.0.0', 60)],
  ['an IPv6 address that is no group', udp6('fe80::1')],
  ['a report of membership by IGMP', igmp],
  ['and by MLD', mld],
])('%s goes nowhere', (_what, packet) => {
  const world = new World(3);
  const { sender } = groupOfTwo(world);
  sender.send(packet);
  world.run(1000);
  expect(world.sent).toEqual([]);
  expect(sender.counter('no-route')).toBe(1);
});
