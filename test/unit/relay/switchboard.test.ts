import { beforeEach, describe, expect, it } from 'vitest';
import type { Membership } from '../../../coordinator/relay/membership.ts';
import { type RelayClient, Switchboard } from '../../../coordinator/relay/switchboard.ts';
import { RelayFrame } from '../../../proto/gen/warren.ts';
import { encodeDatagrams } from '../../../shared/relay-frame.ts';

const RATES = { bytesPerSecond: 1_200_000, packetsPerSecond: 2_000 };

let now: number;
let board: Switchboard;
let mayMeet: Membership['mayMeet'];

beforeEach(() => {
  now = 0;
  mayMeet = (a, b) => a !== b;
  board = new Switchboard(
    { admit: async () => '', mayMeet: (a, b) => mayMeet(a, b), watch: () => () => {} },
    RATES,
    { monotonic: () => now, wall: () => 0 },
  );
});

function attach(nodeId: string): RelayClient & { heard: string[] } {
  const heard: string[] = [];
  const client = board.attach(nodeId, {
    write: (frame, taken) => {
      const { frame: read } = RelayFrame.decode(frame);
      if (read?.$case === 'datagrams') heard.push(`${read.value.nodeId}: ${read.value.datagrams.join()}`);
      else if (read?.$case === 'pong') heard.push(`pong ${read.value.sequence}`);
      else if (read?.$case === 'peerGone') heard.push(`gone ${read.value.nodeId}`);
      taken();
    },
  });
  return Object.assign(client, { heard });
}

const to = (nodeId: string, ...texts: string[]) =>
  encodeDatagrams(
    nodeId,
    texts.map((text) => Buffer.from(text)),
  );

describe('the switchboard of a relay', () => {
  it('delivers under the id of the sender, batches whole', () => {
    const [ada, bob] = [attach('ada'), attach('bob')];
    ada.receive(to('bob', 'one', 'two'));
    bob.receive(to('ada', 'three'));
    expect(bob.heard).toEqual(['ada: one,two']);
    expect(ada.heard).toEqual(['bob: three']);
    expect(ada.counters).toMatchObject({
      receivedPackets: 2,
      receivedBytes: 6,
      relayedPackets: 2,
      relayedBytes: 6,
    });
    expect(board.counters).toMatchObject({ receivedPackets: 3, relayedPackets: 3, relayedBytes: 11 });
  });

  it('SEC-33: says the same of a node that is absent and of one that the sender may not meet', () => {
    mayMeet = (_, b) => b !== 'eve';
    const [ada, eve] = [attach('ada'), attach('eve')];
    ada.receive(to('eve', 'x'));
    ada.receive(to('nobody', 'x', 'y'));
    expect(ada.heard).toEqual(['gone eve', 'gone nobody']);
    expect(eve.heard).toEqual([]);
    expect(ada.counters).toMatchObject({ droppedForbidden: 1, droppedAbsent: 2, relayedPackets: 0 });
  });

  it('a node sends at most its rate of packets and of bytes; others are not touched by that', () => {
    const [ada, bob, eve] = [attach('ada'), attach('bob'), attach('eve')];
    for (let i = 0; i < 1_000; i++) ada.receive(to('bob', 'x'));
    expect(bob.heard).toHaveLength(500);
    expect(ada.counters.droppedRate).toBe(500);
    eve.receive(to('bob', 'y'));
    expect(bob.heard).toHaveLength(501);
    now += 100;
    for (let i = 0; i < 1_000; i++) ada.receive(to('bob', 'x'));
    expect(bob.heard).toHaveLength(701);
    now += 10_000;
    for (let i = 0; i < 100; i++) ada.receive(to('bob', 'x'.repeat(10_000)));
    expect(bob.heard.length - 701).toBe(29);
  });

  it('answers pings, but not without end', () => {
    const ada = attach('ada');
    const ping = Buffer.from(
      RelayFrame.encode({ frame: { $case: 'ping', value: { sequence: 7n } } }).finish(),
    );
    for (let i = 0; i < 100; i++) ada.receive(ping);
    expect(ada.heard).toHaveLength(40);
    expect(ada.heard[0]).toBe('pong 7');
  });

  it('the newest connection of a node is the one; the end of an older one changes nothing', () => {
    const [ada, old] = [attach('ada'), attach('bob')];
    const fresh = attach('bob');
    old.detach();
    ada.receive(to('bob', 'x'));
    expect(fresh.heard).toEqual(['ada: x']);
    fresh.detach();
    expect(board.size).toBe(1);
  });

  it.each([
    ['nothing', Buffer.alloc(0)],
    ['a cut-off frame', to('bob', 'x').subarray(0, -1)],
    [
      'what only a relay sends',
      Buffer.from(RelayFrame.encode({ frame: { $case: 'peerGone', value: { nodeId: 'b' } } }).finish()),
    ],
    ['noise', Buffer.from('ffffffffff', 'hex')],
    ['long noise', Buffer.alloc(10_000, 0x12)],
  ])('%s is counted as malformed', (_, frame) => {
    const ada = attach('ada');
    ada.receive(frame);
    expect(ada.counters.malformed).toBe(1);
    expect(ada.heard).toEqual([]);
  });
});
