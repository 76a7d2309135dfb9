import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MapFeed } from '../../../coordinator/grpc/map-feed.ts';
import type { NodeRecord } from '../../../coordinator/store/contract/nodes.ts';
import { openStore } from '../../../coordinator/store/open.ts';
import type { Store } from '../../../coordinator/store/store.ts';
import { systemClock } from '../../../shared/clock.ts';
import { createLogger } from '../../../shared/log.ts';
import { aReport, CLI, joinNode, NOW } from '../../support/store.ts';

describe('what agents hear of routes', () => {
  let folder: string;
  let store: Store;
  let feed: MapFeed;
  let a: NodeRecord;
  let b: NodeRecord;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'warren-routes-'));
    store = await openStore({ dataDir: folder, initialise: {} });
    const mappings = [{ prefix: '10.201.1.0/24', sitePrefix: '192.168.1.0/24' }];
    const offer = (routes: string[]) => ({ offers: { routes, exitNode: false, tags: [], mappings } });
    a = await joinNode(store, { name: 'a', ...offer(['10.201.1.0/24', '10.1.0.0/16']) });
    b = await joinNode(store, { name: 'b', ...offer(['10.0.0.0/8']) });
    feed = await MapFeed.open(store, systemClock, createLogger('silent', 'test'));
  });
  afterEach(async () => {
    feed.close();
    await store.close();
    rmSync(folder, { recursive: true });
  });

  const approve = (node: NodeRecord, route: string, approved = true) =>
    store.approveRoute(node.id, route, approved, NOW, CLI);
  /** What brings a node from what it held to now. */
  async function step(node: NodeRecord, held: { epoch: string; version: number }) {
    await feed.refresh();
    const update = await feed.since(node.id, held.epoch, held.version);
    return update?.view ?? null;
  }
  const held = async () => {
    const { epoch, version } = await store.network();
    return { epoch, version };
  };

  it('a granted one that stands for a network of its site is told to its node and to the others', async () => {
    const before = await held();
    await approve(a, '10.201.1.0/24');
    const mapping = { prefix: '10.201.1.0/24', sitePrefix: '192.168.1.0/24' };
    expect((await step(a, before))?.self?.mappings).toEqual([mapping]);
    expect((await step(b, before))?.peers).toMatchObject([{ nodeId: a.id, mappings: [mapping] }]);
    await approve(a, '10.201.1.0/24', false);
    expect((await step(b, before))?.peers).toMatchObject([{ nodeId: a.id, routes: [], mappings: [] }]);
  });

  it('what overlaps is told to both, and that it is over', async () => {
    await approve(b, '10.0.0.0/8');
    const before = await held();
    await approve(a, '10.1.0.0/16');
    expect((await step(a, before))?.self?.notices).toHaveLength(1);
    expect((await step(b, before))?.self?.notices[0]).toContain('10.1.0.0/16 of a');
    const between = await held();
    await store.putReport(a.id, aReport(), NOW);
    expect((await step(b, between))?.self?.notices).toEqual([]);
  });

  it.each([null, '{"acls": [{"action": "accept", "src": ["*"], "dst": ["*:*"]}]}'])(
    'at whom it is preferred is told at once, and at whom no longer, under the policy %s',
    async (policy) => {
      if (policy !== null) await store.applyPolicy(policy, NOW, CLI);
      const offers = { routes: ['10.1.0.0/16'], exitNode: false, tags: [] };
      const c = await joinNode(store, { name: 'c', offers });
      for (const node of [a, c]) await approve(node, '10.1.0.0/16');
      const prefer = (node: NodeRecord) => store.preferRoute(node.id, '10.1.0.0/16', true, NOW, CLI);
      const told = async (before: { epoch: string; version: number }) =>
        Object.fromEntries(
          (await step(b, before))?.peers.map(({ name, preferredRoutes }) => [name, preferredRoutes]) ?? [],
        );
      await feed.refresh();
      const before = await held();
      await prefer(a);
      expect(await told(before)).toEqual({ a: ['10.1.0.0/16'] });
      const between = await held();
      await prefer(c);
      expect(await told(between)).toEqual({ a: [], c: ['10.1.0.0/16'] });
    },
  );

  it('under a policy those who may not meet are not named to each other', async () => {
    await store.applyPolicy('{"acls": []}', NOW, CLI);
    await approve(b, '10.0.0.0/8');
    const before = await held();
    await approve(a, '10.1.0.0/16');
    const view = await step(b, before);
    expect(view?.peers).toEqual([]);
    expect(view?.self?.notices).toEqual([
      '10.0.0.0/8 overlaps 10.1.0.0/16 of another node, which wins for its part: it is more specific',
    ]);
  });
});
