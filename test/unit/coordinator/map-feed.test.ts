import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { MapFeed } from '../../../coordinator/grpc/map-feed.ts';
import type { NodeRecord } from '../../../coordinator/store/contract/nodes.ts';
import { openStore } from '../../../coordinator/store/open.ts';
import type { Store } from '../../../coordinator/store/store.ts';
import { systemClock } from '../../../shared/clock.ts';
import { createLogger } from '../../../shared/log.ts';
import { CLI, joinNode, NOW } from '../../support/store.ts';
import { waitFor } from '../../support/wait-for.ts';

let folder: string;
let store: Store;
let feed: MapFeed;
let node: NodeRecord;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'warren-feed-'));
  store = await openStore({ dataDir: folder, initialise: {} });
  node = await joinNode(store, { name: 'a' });
  feed = await MapFeed.open(store, systemClock, createLogger('silent', 'test'));
});
afterEach(async () => {
  feed.close();
  await store.close();
  rmSync(folder, { recursive: true });
});

it('many subscribers hear of a change in turns, each once, and not after they went', async () => {
  const heard: number[] = [];
  const turns = new Set<number>();
  let turn = 0;
  const leave: (() => void)[] = [];
  for (let n = 0; n < 100; n++) {
    const changed = () => {
      if (turns.size === 0 || !turns.has(turn)) setImmediate(() => turn++);
      turns.add(turn);
      heard.push(n);
      if (n === 0) leave[99]?.();
    };
    leave.push(feed.subscribe({ nodeId: node.id, changed, removed: () => {} }));
  }
  await store.setTags(node.id, ['web'], NOW, CLI);
  await waitFor('all to have heard', () => heard.length >= 99);
  expect(heard).toEqual(Array.from({ length: 99 }, (_, n) => n));
  expect(turns.size).toBeGreaterThan(3);
});

it('who is removed hears of it before others hear of anything', async () => {
  const heard: string[] = [];
  const other = await joinNode(store, { name: 'b' });
  await feed.refresh();
  for (let n = 0; n < 40; n++) {
    feed.subscribe({ nodeId: node.id, changed: () => heard.push('change'), removed: () => {} });
  }
  feed.subscribe({ nodeId: other.id, changed: () => {}, removed: () => heard.push('removal') });
  await store.removeNode(other.id, NOW, CLI);
  await waitFor('all to have heard', () => heard.length >= 41);
  expect(heard[0]).toBe('removal');
});
