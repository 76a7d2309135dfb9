import { beforeEach, expect, it } from 'vitest';
import { CoordinatorClock } from '../../../agent/control/coordinator-clock.ts';
import { MapKeeper } from '../../../agent/daemon/map-keeper.ts';
import type { NetworkMap } from '../../../agent/mesh/network-map.ts';
import { aMap, aPeer } from '../../support/map.ts';

const OLD = { ...aMap([aPeer(2)]), version: 3 };
const NEW = { ...aMap([aPeer(2), aPeer(3)]), version: 4 };

let happened: string[];
let failures: unknown[];
let saved: { map: NetworkMap; clockOffset: number } | null;
/** What the host makes of a map. */
let applying: (map: NetworkMap) => Promise<boolean>;
let keeper: MapKeeper;
const coordinatorClock = () => new CoordinatorClock({ monotonic: () => 0, wall: () => 1_000 });
let clock: CoordinatorClock;

beforeEach(() => {
  happened = [];
  failures = [];
  saved = { map: OLD, clockOffset: 500 };
  applying = async () => true;
  clock = coordinatorClock();
  keeper = new MapKeeper({
    records: {
      savedMap: () => saved,
      saveMap: ({ version }, ahead) => happened.push(`saved ${version}, ${ahead} ahead`),
    },
    coordinatorClock: clock,
    onTaken: (self) => happened.push(`taken ${keeper.map?.version}, seen at ${self?.observedAddress}`),
    onNotices: (before, now) => happened.push(`notices ${before.length} ${now.length}`),
    apply: (map) => {
      happened.push(`applies ${map.version}`);
      return applying(map);
    },
    onApplied: ({ version }) => happened.push(`applied ${version}`),
    onUp: () => happened.push('up'),
    onFailure: (error) => failures.push(error),
  });
});

const settled = () => new Promise(setImmediate);

it('begins with what was saved, and goes on with what the coordinator says; up is told once', async () => {
  await keeper.begin();
  expect(happened.splice(0)).toEqual(['applies 3', 'saved 3, 500 ahead', 'applied 3', 'up']);
  clock.heard(3_000);
  keeper.take(NEW, { observedAddress: '192.0.2.9' } as never);
  expect(keeper.map).toBe(NEW);
  await settled();
  expect(happened).toEqual(['taken 4, seen at 192.0.2.9', 'applies 4', 'saved 4, 2000 ahead', 'applied 4']);
});

it('without a saved map waits for the first', async () => {
  saved = null;
  await keeper.begin();
  expect([keeper.map, happened]).toEqual([null, []]);
  keeper.take(NEW, undefined);
  await settled();
  expect(happened).toContain('up');
});

it('one that the host takes only in part is neither kept nor called in force', async () => {
  applying = async () => false;
  keeper.take(NEW, undefined);
  await settled();
  expect(happened).toEqual(['taken 4, seen at undefined', 'applies 4']);
});

it('what the host refuses of the first is a failure: of the saved one at the start, else of the agent', async () => {
  const refusal = new Error('refused');
  applying = async () => {
    throw refusal;
  };
  await expect(keeper.begin()).rejects.toBe(refusal);
  keeper.take(NEW, undefined);
  await settled();
  expect(failures).toEqual([refusal]);
});

it("notices are told when they change, those of a saved map not at all: an earlier run's user has read them", async () => {
  const noticed = (...notices: string[]) => ({ ...NEW, self: { ...NEW.self, notices } });
  saved = { map: noticed('old'), clockOffset: 0 };
  await keeper.begin();
  for (const map of [noticed('one'), noticed('one'), noticed('one', 'two'), noticed()])
    keeper.take(map, undefined);
  expect(happened.filter((each) => each.startsWith('notices'))).toEqual([
    'notices 0 1',
    'notices 1 2',
    'notices 2 0',
  ]);
});
