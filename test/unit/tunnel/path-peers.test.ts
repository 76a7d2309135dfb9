import { expect, it } from 'vitest';
import { PathPeers } from '../../../agent/tunnel/path-peers.ts';

const KEY = new Uint8Array(32).fill(1);

it('knows each peer by its slot and by its key, which it keeps for itself', () => {
  const peers = new PathPeers();
  const key = KEY.slice();
  peers.add(3, key);
  peers.add(3, new Uint8Array(32));
  key.fill(9);
  expect([peers.has(3), peers.keyOf(3), peers.slotOf(KEY), [...peers]]).toEqual([true, KEY, 3, [[3, KEY]]]);
  peers.remove(3);
  peers.remove(3);
  expect([peers.has(3), peers.keyOf(3), peers.slotOf(KEY)]).toEqual([false, undefined, undefined]);
});

it('a peer that came back in another slot is there, whatever becomes of the first', () => {
  const peers = new PathPeers();
  peers.add(3, KEY);
  peers.add(4, KEY);
  peers.remove(3);
  expect(peers.slotOf(KEY)).toBe(4);
});
