/** What every engine has to do for several coordinators of one database. */
import { expect, it } from 'vitest';
import type { ToldPath } from '../../coordinator/store/coordinators/coordinators.ts';
import type { Store } from '../../coordinator/store/store.ts';
import { joinNode, NOW } from './store.ts';

export function coordinatorsConformance(current: () => Store): void {
  const beat = (instance: string, run = 'run') => current().coordinators.beat({ instance, run, watches: [] });
  const seen = async (from: string, instance: string) =>
    (await current().coordinators.others(from)).find((each) => each.instance === instance);
  const row = (nodeId: string, peerId: string, text: string | null): ToldPath => ({
    nodeId,
    peerId,
    report: text === null ? null : Buffer.from(text),
    age: 0,
  });
  const words = (paths: readonly ToldPath[]) =>
    paths.map(({ nodeId, peerId, report }) => [nodeId, peerId, report && Buffer.from(report).toString()]);

  it('each knows the others by a beat that moves on, and what their people look at', async () => {
    expect(await beat('one')).toBe(false);
    expect(await beat('one')).toBe(true);
    const watches = [{ interval: 2_000, nodes: ['a'] }];
    await current().coordinators.beat({ instance: 'two', run: 'first', watches });
    expect(await current().coordinators.others('one')).toEqual([
      { instance: 'two', run: 'first', beat: 1, watches },
    ]);
    await beat('two', 'second');
    expect(await seen('one', 'two')).toEqual({ instance: 'two', run: 'second', beat: 2, watches: [] });
    await current().coordinators.leave('two');
    expect(await current().coordinators.others('one')).toEqual([]);
  });

  it('one that is silent is ended once: nodes that nobody else has are offline', async () => {
    const store = current();
    const [only, both] = [await joinNode(store), await joinNode(store)];
    await beat('dead');
    for (const [node, instance] of [
      [only, 'dead'],
      [both, 'dead'],
      [both, 'one'],
    ] as const)
      await store.setOnline(node.id, instance, true, NOW);
    const silent = await seen('one', 'dead');
    expect(silent).toMatchObject({ beat: 1 });
    await beat('dead');
    expect(await store.coordinators.end(silent as never, NOW)).toBe(false);
    expect((await store.node(only.id))?.online).toBe(true);
    const still = await seen('one', 'dead');
    const ends = await Promise.all([1, 2].map(() => store.coordinators.end(still as never, NOW)));
    expect(ends.sort()).toEqual([false, true]);
    expect([(await store.node(only.id))?.online, (await store.node(both.id))?.online]).toEqual([false, true]);
    const rows = await store.listAudit({ limit: 20 });
    expect(rows.filter(({ action }) => action === 'presence.clear')).toHaveLength(1);
    // It lives after all, and learns that it was forgotten.
    expect(await beat('dead')).toBe(false);
  });

  it('one that only has nodes marked as online is among the others, and can be ended', async () => {
    const node = await joinNode(current());
    await current().setOnline(node.id, 'gone', true, NOW);
    const stray = await seen('one', 'gone');
    expect(stray).toEqual({ instance: 'gone', run: '', beat: 0, watches: [] });
    expect(await current().coordinators.end(stray as never, NOW)).toBe(true);
    expect((await current().node(node.id))?.online).toBe(false);
    expect(await current().coordinators.others('one')).toEqual([]);
  });

  it('what agents tell is the latest of each path, found by the round in which it was told', async () => {
    const { coordinators } = current();
    await coordinators.tell('one', 1, [row('a', '', 'self'), row('a', 'b', 'path'), row('b', '', 'other')]);
    await coordinators.tell('two', 7, [row('a', '', 'elsewhere')]);
    const first = await coordinators.toldSince('one', 0);
    expect(first.round).toBe(1);
    expect(words(first.paths)).toEqual([
      ['a', '', 'self'],
      ['a', 'b', 'path'],
      ['b', '', 'other'],
    ]);
    await coordinators.tell('one', 2, [row('a', 'b', 'newer')]);
    expect(words((await coordinators.toldSince('one', 1)).paths)).toEqual([['a', 'b', 'newer']]);
    expect(await coordinators.toldSince('one', 2)).toEqual({ round: 2, paths: [] });
    await coordinators.tell('one', 3, [row('a', '', null)]);
    expect(words(await coordinators.toldOf('one', 'a'))).toEqual([['a', '', null]]);
    await coordinators.leave('one');
    expect((await coordinators.toldSince('one', 0)).paths).toEqual([]);
    expect(words(await coordinators.toldOf('two', 'a'))).toEqual([['a', '', 'elsewhere']]);
  });

  it('how long ago something was told counts on in the database', async () => {
    const { coordinators } = current();
    await coordinators.tell('one', 1, [{ ...row('a', 'b', 'path'), age: 60_000 }]);
    const [path] = await coordinators.toldOf('one', 'a');
    expect(path?.age).toBeGreaterThanOrEqual(60_000);
    expect(path?.age).toBeLessThan(120_000);
  });
}
