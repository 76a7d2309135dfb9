import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Fellows, SILENCE_LIMIT } from '../../../coordinator/fellows/fellows.ts';
import { openStore } from '../../../coordinator/store/open.ts';
import type { Store } from '../../../coordinator/store/store.ts';
import { edgeBetween } from '../../../coordinator/telemetry/edges.ts';
import { LEAST_INTERVAL, QUIET_INTERVAL, type Telemetry } from '../../../coordinator/telemetry/telemetry.ts';
import { PathKind } from '../../../proto/gen/warren.ts';
import { WarrenError } from '../../../shared/errors.ts';
import { createLogger } from '../../../shared/log.ts';
import { aMesh, aNode, aPath, type TestNodes } from '../../support/mesh-view.ts';
import { joinNode, NOW } from '../../support/store.ts';

/** One of several coordinators, with what it knows of the mesh. */
interface Coordinator {
  fellows: Fellows;
  telemetry: Telemetry;
  nodes: TestNodes;
  /** How often it was told that the others took it for dead. */
  forgotten: number;
  outdated: WarrenError[];
}

let folder: string;
let store: Store;
let now: number;
/** The database does not answer. */
let isAway: boolean;
const coordinators: Coordinator[] = [];
const clock = { monotonic: () => now, wall: () => NOW + now };

beforeEach(async () => {
  // Ticks are made by the tests.
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  folder = mkdtempSync(join(tmpdir(), 'warren-fellows-'));
  store = await openStore({ dataDir: join(folder, 'data'), initialise: {} });
  now = 0;
  isAway = false;
});

afterEach(async () => {
  isAway = false;
  for (const { fellows, telemetry } of coordinators.splice(0)) {
    await fellows.close();
    telemetry.close();
  }
  await store.close();
  rmSync(folder, { recursive: true, force: true });
  vi.useRealTimers();
});

async function coordinator(instance: string): Promise<Coordinator> {
  const mesh = aMesh(
    ['a', 'b', 'c'].map((id) => aNode(id, { online: true })),
    clock,
  );
  const reachable = {
    ...store,
    setOnline: store.setOnline,
    coordinators: new Proxy(store.coordinators, {
      get: (target, name) => {
        const method = Reflect.get(target, name) as (...values: unknown[]) => unknown;
        return (...values: unknown[]) => {
          if (isAway) throw new WarrenError('unavailable', 'the database is away');
          return method.apply(target, values);
        };
      },
    }),
  } as unknown as Store;
  const made = { ...mesh, forgotten: 0, outdated: [] as WarrenError[] } as Coordinator;
  made.fellows = await Fellows.join({
    store: reachable,
    telemetry: mesh.telemetry,
    clock,
    log: createLogger('silent', 'test'),
    instance,
    run: `${instance} ${now}`,
    onForgotten: () => made.forgotten++,
    onOutdated: (error) => made.outdated.push(error),
  });
  coordinators.push(made);
  return made;
}

/** So much time passes, a second at a time, for those that live. */
async function pass(milliseconds: number, ...living: Coordinator[]): Promise<void> {
  for (const end = now + milliseconds; now < end; ) {
    now += 1_000;
    for (const { fellows } of living) await fellows.tick();
  }
}

function inDatabase(statement: string): void {
  const database = new DatabaseSync(join(folder, 'data', 'warren.db'));
  database.exec(statement);
  database.close();
}

const edge = ({ telemetry, nodes }: Coordinator, a: string, b: string) =>
  edgeBetween(telemetry, nodes, a, b, now);
const direct = (peer: string, latency: number, sentBytes = 0n) => ({
  peers: [aPath(peer, { latency, sentBytes })],
});

describe('several coordinators of one database', () => {
  it('each knows what the agents of all tell, also what was told before it came', async () => {
    const one = await coordinator('one');
    const nat = { mapping: 'endpoint-independent', filtering: 'not by port' };
    const a = one.telemetry.connect('a', () => {});
    a.report({ ...direct('b', 2), nat });
    const two = await coordinator('two');
    two.telemetry.connect('c', () => {}).report({ peers: [aPath('a', { kind: PathKind.PATH_KIND_RELAY })] });
    await pass(12_000, one, two);
    for (const each of [one, two]) {
      expect(edge(each, 'a', 'b')).toMatchObject({ kind: 'direct', latency: 2 });
      expect(edge(each, 'a', 'c')).toMatchObject({ kind: 'relay' });
      expect(each.telemetry.of('a')).toMatchObject({ isConnected: true, nat });
    }
    a.end();
    await pass(6_000, one, two);
    expect(two.telemetry.of('a')?.isConnected).toBe(false);
    expect(edge(two, 'a', 'b')?.kind).toBe('none');
  });

  it('traffic and its rates are the same at both', async () => {
    const [one, two] = [await coordinator('one'), await coordinator('two')];
    const a = one.telemetry.connect('a', () => {});
    two.telemetry.watch(LEAST_INTERVAL, null);
    await pass(6_000, one, two);
    a.report(direct('b', 2, 1_000n));
    await pass(2_000, one, two);
    a.report(direct('b', 2, 21_000n));
    await pass(1_000, one, two);
    // 20,000 bytes in 2 s.
    expect(edge(one, 'a', 'b')?.rate).toBe(10_000);
    // The database's clock is a real one: under load what lies between two reports may look shorter, down to the least that counts.
    expect(edge(two, 'a', 'b')?.rate).toBeGreaterThanOrEqual(9_900);
    expect(edge(two, 'a', 'b')?.rate).toBeLessThanOrEqual(40_000);
    for (const each of [one, two]) {
      const sent = [...(each.telemetry.of('a')?.traffic.rows() ?? [])].map(({ values }) => values[1] ?? 0);
      expect(sent.reduce((sum, bytes) => sum + bytes, 0)).toBeCloseTo(20_000);
    }
  });

  it('while people look at one, the agents of all tell more often', async () => {
    const [one, two] = [await coordinator('one'), await coordinator('two')];
    const asked: number[] = [];
    one.telemetry.connect('a', (interval) => asked.push(interval));
    await pass(6_000, one, two);
    two.telemetry.watch(LEAST_INTERVAL, null);
    await pass(2_000, one, two);
    expect(asked).toEqual([QUIET_INTERVAL, LEAST_INTERVAL]);
    // Nobody is asked back for what is asked of others.
    expect(one.telemetry.watches()).toEqual([]);
  });

  it('one that is killed: another takes back the presence of its agents, once, and what they told', async () => {
    const [one, two, three] = [
      await coordinator('one'),
      await coordinator('two'),
      await coordinator('three'),
    ];
    const { id } = await joinNode(store);
    await store.setOnline(id, 'one', true, NOW);
    one.telemetry.connect('a', () => {}).report(direct('b', 2));
    await pass(6_000, one, two, three);
    await pass(SILENCE_LIMIT - 2_000, two, three);
    expect((await store.node(id))?.online).toBe(true);
    expect(edge(two, 'a', 'b')?.kind).toBe('direct');
    await pass(8_000, two, three);
    expect((await store.node(id))?.online).toBe(false);
    for (const each of [two, three]) expect(edge(each, 'a', 'b')?.kind).toBe('none');
    const rows = await store.listAudit({ limit: 20 });
    expect(rows.filter(({ action }) => action === 'presence.clear')).toHaveLength(1);
    expect([two.forgotten, three.forgotten]).toEqual([0, 0]);
    // It only slept: it says its part again, and the others hear of it.
    await pass(6_000, one, two);
    expect(one.forgotten).toBe(1);
    expect(edge(two, 'a', 'b')?.kind).toBe('direct');
  });

  it('a database that crashed is no silence of anybody, and what it lost is told again', async () => {
    const [one, two] = [await coordinator('one'), await coordinator('two')];
    one.telemetry.connect('a', () => {}).report(direct('b', 2));
    const c = one.telemetry.connect('c', () => {});
    await pass(6_000, one, two);
    isAway = true;
    await pass(60_000, one, two);
    expect(edge(two, 'a', 'b')?.kind).toBe('direct');
    inDatabase('delete from told_paths');
    c.end();
    isAway = false;
    // The other's first beat comes a moment later.
    await pass(2_000, two);
    await pass(6_000, one, two);
    expect([one.forgotten, two.forgotten]).toEqual([0, 0]);
    const three = await coordinator('three');
    await pass(12_000, one, two, three);
    for (const each of [two, three]) expect(edge(each, 'a', 'b')?.kind).toBe('direct');
    expect(two.telemetry.of('c')?.isConnected).toBe(false);
  });

  it('an agent that moves is heard where it is, and a stream here goes before one elsewhere', async () => {
    const [one, two] = [await coordinator('one'), await coordinator('two')];
    const old = one.telemetry.connect('a', () => {});
    old.report(direct('b', 9));
    await pass(6_000, one, two);
    // It has gone over to the second one, and the first has not noticed yet.
    const fresh = two.telemetry.connect('a', () => {});
    fresh.report(direct('b', 3));
    await pass(6_000, one, two);
    expect(edge(two, 'a', 'b')?.latency).toBe(3);
    old.end();
    await pass(6_000, one, two);
    for (const each of [one, two]) expect(edge(each, 'a', 'b')).toMatchObject({ kind: 'direct', latency: 3 });
    // And back.
    fresh.end();
    one.telemetry.connect('a', () => {}).report(direct('b', 4));
    await pass(6_000, one, two);
    for (const each of [one, two]) expect(edge(each, 'a', 'b')).toMatchObject({ kind: 'direct', latency: 4 });
  });

  it('one that ends in order is gone at once, and one that starts again is another', async () => {
    const [one, two] = [await coordinator('one'), await coordinator('two')];
    one.telemetry.connect('a', () => {}).report(direct('b', 2));
    await pass(6_000, one, two);
    await one.fellows.close();
    await pass(1_000, two);
    expect(edge(two, 'a', 'b')?.kind).toBe('none');
    const again = await coordinator('one');
    again.telemetry.connect('a', () => {}).report(direct('b', 5));
    await pass(12_000, again, two);
    expect(edge(two, 'a', 'b')).toMatchObject({ kind: 'direct', latency: 5 });
  });

  it('one of an older release hears that the database is of a newer one', async () => {
    const one = await coordinator('one');
    inDatabase("insert into warren_migrations values ('9999-later', '')");
    await pass(6_000, one);
    expect(one.outdated[0]).toMatchObject({ code: 'incompatible' });
  });
});
