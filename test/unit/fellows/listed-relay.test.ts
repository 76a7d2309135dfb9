import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ListedRelay, MISSED_FOR } from '../../../coordinator/fellows/listed-relay.ts';
import { ownRelay } from '../../../coordinator/relay/own-relay.ts';
import { openStore } from '../../../coordinator/store/open.ts';
import type { Store } from '../../../coordinator/store/store.ts';
import { createLogger } from '../../../shared/log.ts';
import { CLI, NOW } from '../../support/store.ts';

let folder: string;
let store: Store;
let listed: ListedRelay;
let now = 0;
const clock = { monotonic: () => now, wall: () => NOW + now };
const relayOf = (instance: string) =>
  ownRelay({ instance, name: instance }, [`https://${instance}.example:8443`], []);
const names = async () => (await store.listRelays()).map(({ name }) => name).sort();

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'warren-listed-'));
  store = await openStore({ dataDir: join(folder, 'data'), initialise: {} });
  for (const instance of ['one', 'two', 'gone']) {
    await store.putRelay(relayOf(instance), NOW);
    await store.coordinators.beat({ instance, run: instance, watches: [] });
  }
  listed = new ListedRelay(store, 'one', relayOf('one'), clock, createLogger('silent', 'test'));
});

afterEach(async () => {
  listed.close();
  await store.close();
  rmSync(folder, { recursive: true, force: true });
});

it('a coordinator that was not there for a day is taken from the relays, and one that is stays', async () => {
  await listed.look();
  await store.coordinators.leave('gone');
  await listed.look();
  now += MISSED_FOR - 1;
  await listed.look();
  expect(await names()).toEqual(['gone', 'one', 'two']);
  now += 1;
  await listed.look();
  expect(await names()).toEqual(['one', 'two']);
});

it('one that comes back meanwhile stays, and one that others removed puts itself back', async () => {
  await store.coordinators.leave('gone');
  await listed.look();
  await store.coordinators.beat({ instance: 'gone', run: 'again', watches: [] });
  now += MISSED_FOR;
  await listed.look();
  await store.removeRelay(relayOf('one').id, NOW, CLI);
  await listed.look();
  expect(await names()).toEqual(['gone', 'one', 'two']);
});
