import { beforeEach, expect, it } from 'vitest';
import { NetworkFollower } from '../../../agent/daemon/network-follower.ts';

let happened: string[];
let seen: { hasChanged: boolean; hasLostAddress: boolean };
let isOutdated: boolean;
let ending: AbortController;
let follower: NetworkFollower;

beforeEach(() => {
  happened = [];
  seen = { hasChanged: false, hasLostAddress: false };
  isOutdated = false;
  ending = new AbortController();
  const note = (what: string) => void happened.push(what);
  follower = new NetworkFollower(
    {
      endpoints: { look: () => seen, tell: () => note('endpoints') },
      coordinator: { reconnect: () => note('coordinator') },
      relays: { networkChanged: (hasLost) => note(hasLost ? 'relays anew' : 'relays measured') },
      outside: { networkChanged: () => note('outside') },
      reconciler: { followNetworks: async () => note('routes'), again: async () => note('again') },
      host: { isOutdated: async () => isOutdated },
      portMapper: () => ({ networkChanged: async () => note('port') }) as never,
    },
    ending.signal,
  );
});

const looked = async () => {
  follower.look();
  await new Promise(setImmediate);
  return happened;
};

it('with the same addresses looks at routes and the gateway alone', async () => {
  expect(await looked()).toEqual(['endpoints', 'routes', 'port']);
});

it('with one more address measures relays, whose connections stand', async () => {
  seen = { hasChanged: true, hasLostAddress: false };
  expect(await looked()).toEqual(['relays measured', 'outside', 'endpoints', 'routes', 'port']);
});

it('with one address less connects anew, for what goes by it is lost', async () => {
  seen = { hasChanged: true, hasLostAddress: true };
  expect(await looked()).toEqual(['coordinator', 'relays anew', 'outside', 'endpoints', 'routes', 'port']);
});

it('applies the map again when the host is otherwise than it was applied for', async () => {
  expect(await looked()).not.toContain('again');
  isOutdated = true;
  expect(await looked()).toContain('again');
});

it('does nothing once the end has come', async () => {
  ending.abort();
  expect(await looked()).toEqual([]);
});
