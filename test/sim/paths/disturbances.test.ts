import { beforeAll, describe, expect, it } from 'vitest';
import { cryptoReady } from '../../../agent/wireguard/crypto.ts';
import type { Nat } from './network.ts';
import { SEEDS, TIMEOUT } from './nothing-lost.ts';
import { scenario } from './scenarios.ts';
import { Transfer } from './transfer.ts';

beforeAll(cryptoReady);

const RUNS = SEEDS / 20;

/** SEC-32, and the target: how long traffic may stand still. */
const STANDSTILL = 3_000;

const EASY = [
  'on the same LAN',
  'one public',
  'cone and cone',
  'two NATs in a row',
  'hairpin, both behind one NAT',
];

/** A transfer that has come to its direct path. */
function direct(
  name: string,
  seed: number,
  options: ConstructorParameters<typeof Transfer>[2] = {},
): Transfer {
  const transfer = new Transfer(scenario(name), seed, { interval: 100, ...options });
  if (transfer.untilDirect(3_000) === null) throw new Error(`${name}, seed ${seed}: no direct path`);
  transfer.run(2_000);
  return transfer;
}

function forSeeds(run: (seed: number) => void): void {
  for (let seed = 1; seed <= RUNS; seed++) run(seed);
}

/** The longest time without a packet at either end, since `from`. */
function standstill({ pair, world }: Transfer, from: number): number {
  return Math.max(
    ...[pair.a, pair.b].map(({ arrivals }) => {
      const times = [from, ...arrivals.map(({ at }) => at).filter((at) => at >= from), world.clock.now];
      return Math.max(...times.slice(1).map((time, i) => time - (times[i] as number)));
    }),
  );
}

/** All that is missing was lost by the network, and while the path was broken. */
function expectLostOnlyBetween(transfer: Transfer, begin: number, end: number): void {
  const { lostData } = transfer.world;
  expect(transfer.missing).toBeLessThanOrEqual(lostData.length);
  for (const { at } of lostData) {
    expect(at).toBeGreaterThanOrEqual(begin - 200);
    expect(at).toBeLessThanOrEqual(end);
  }
}

describe(`mid-transfer, over ${RUNS} seeds`, () => {
  it.each(['one public', 'cone and cone', 'two NATs in a row', 'hairpin, both behind one NAT'])(
    'a NAT that is rebooted and gives other ports: on within 3 s, direct again soon (%s)',
    TIMEOUT,
    (name) => {
      forSeeds((seed) => {
        const transfer = direct(name, seed);
        const { clock } = transfer.world;
        const rebooted = clock.now;
        (transfer.pair.nat as Nat).reboot();
        transfer.run(STANDSTILL);
        expect(transfer.untilDirect(5_000), `seed ${seed}`).not.toBeNull();
        transfer.run(1_000);
        expect(standstill(transfer, rebooted), `seed ${seed}`).toBeLessThan(STANDSTILL);
        transfer.stop();
        expectLostOnlyBetween(transfer, rebooted, rebooted + STANDSTILL);
      });
    },
  );

  it.each(EASY)('a host that moves to another network: on within 3 s, direct again (%s)', TIMEOUT, (name) => {
    forSeeds((seed) => {
      const transfer = direct(name, seed);
      const { world, pair } = transfer;
      const moved = world.clock.now;
      const { site } = world.natted('203.0.113.77', {
        mapping: 'endpoint-independent',
        filtering: 'address-and-port-dependent',
        ports: 'random',
        hairpin: false,
        timeout: 30_000,
        blocked: false,
      });
      pair.a.moveTo([{ ip: '192.168.77.10', segment: site }]);
      transfer.run(STANDSTILL);
      expect(transfer.untilDirect(5_000), `seed ${seed}`).not.toBeNull();
      transfer.run(1_000);
      expect(standstill(transfer, moved), `seed ${seed}`).toBeLessThan(STANDSTILL);
      transfer.stop();
      expectLostOnlyBetween(transfer, moved, moved + STANDSTILL);
    });
  });

  it(
    'hosts that come to share a network: they use it within 3 s, and the change loses nothing',
    TIMEOUT,
    () => {
      forSeeds((seed) => {
        const transfer = direct('cone and cone', seed);
        const { world, pair } = transfer;
        const { a, b } = pair;
        const lan = world.segment();
        a.moveTo([...a.interfaces, { ip: '10.44.0.1', segment: lan }]);
        b.moveTo([...b.interfaces, { ip: '10.44.0.2', segment: lan }]);
        const isOnLan = () => a.pathTo(b)?.class === 'lan' && b.pathTo(a)?.class === 'lan';
        expect(world.clock.runUntil(isOnLan, 3_000), `seed ${seed}`).not.toBeNull();
        transfer.run(2_000);
        transfer.stop();
        expect(isOnLan(), `seed ${seed}`).toBe(true);
        expect({ seed, missing: transfer.missing, lost: world.lostData }).toEqual({
          seed,
          missing: 0,
          lost: [],
        });
        expect(a.events.filter(({ kind }) => kind === 'path-changed').at(-1)).toMatchObject({
          why: 'within one site',
        });
      });
    },
  );

  it(
    'SEC-32: a direct path that goes dead: by relay within 3 s, direct again within 60 s of its return',
    TIMEOUT,
    () => {
      forSeeds((seed) => {
        const transfer = direct('cone and cone', seed);
        const { clock, random } = transfer.world;
        const nat = transfer.pair.nat as Nat;
        const died = clock.now;
        nat.behaviour = { ...nat.behaviour, blocked: true };
        expect(transfer.untilRelay(STANDSTILL), `seed ${seed}`).not.toBeNull();
        transfer.run(5_000 + random.next() * 60_000);
        expect(standstill(transfer, died), `seed ${seed}`).toBeLessThan(STANDSTILL);
        nat.behaviour = { ...nat.behaviour, blocked: false };
        expect(transfer.untilDirect(60_000), `seed ${seed}`).not.toBeNull();
        transfer.stop();
        expectLostOnlyBetween(transfer, died, died + STANDSTILL);
      });
    },
  );

  it('5% loss each way: a direct path within 3 s, and no more lost than the network loses', TIMEOUT, () => {
    let changes = 0;
    forSeeds((seed) => {
      const transfer = new Transfer(scenario('cone and cone'), seed, {
        faults: { loss: 0.05 },
        interval: 100,
      });
      expect(transfer.untilDirect(3_000), `seed ${seed}`).not.toBeNull();
      transfer.run(60_000);
      transfer.stop();
      const { lostData } = transfer.world;
      expect(new Set(lostData.map(({ fate }) => fate))).toEqual(new Set(['loss']));
      expect(transfer.missing).toBe(lostData.length);
      changes += transfer.pair.a.counter('path-changes') + transfer.pair.b.counter('path-changes');
    });
    // One for each end of each run, and hardly a false alarm in an hour and more.
    expect(changes).toBeLessThan(2 * RUNS * 1.05);
  });

  it('the relay goes away and comes back: pairs on it go on, direct pairs notice nothing', TIMEOUT, () => {
    forSeeds((seed) => {
      const hard = new Transfer(scenario('symmetric and symmetric'), seed, { interval: 100 });
      hard.run(5_000);
      const away = hard.world.clock.now;
      hard.world.setRelay(false);
      hard.run(1_500);
      hard.world.setRelay(true);
      hard.run(3_000);
      expect(standstill(hard, away)).toBeLessThan(STANDSTILL);
      hard.stop();
      expectLostOnlyBetween(hard, away, away + 1_600);

      const easy = direct('cone and cone', seed);
      easy.world.setRelay(false);
      easy.run(3_000);
      easy.world.setRelay(true);
      easy.run(3_000);
      easy.stop();
      expect(easy.missing).toBe(0);
    });
  });

  it(
    'SEC-44: relay and coordinator away for ten minutes: direct paths carry and rekey without loss',
    TIMEOUT,
    () => {
      for (let seed = 1; seed <= RUNS / 2; seed++) {
        const transfer = direct('cone and cone', seed, { interval: 1_000 });
        const { a, b } = transfer.pair;
        transfer.world.coordinatorIsUp = false;
        transfer.world.setRelay(false);
        const before = a.counter('completed-handshakes');
        transfer.run(600_000);
        expect(a.counter('completed-handshakes') - before).toBeGreaterThanOrEqual(4);
        transfer.stop();
        expect(transfer.missing).toBe(0);
        expect([a.pathTo(b)?.class, b.pathTo(a)?.class]).toEqual(['direct', 'direct']);
      }
    },
  );

  it.each(['symmetric and symmetric', 'UDP blocked entirely'])(
    'SEC-44: the coordinator away for ten minutes, %s: what goes by another relay rekeys without loss',
    TIMEOUT,
    (name) => {
      for (let seed = 1; seed <= RUNS / 4; seed++) {
        const transfer = new Transfer(scenario(name), seed, { interval: 1_000 });
        transfer.run(10_000);
        transfer.world.coordinatorIsUp = false;
        const { a } = transfer.pair;
        const before = a.counter('completed-handshakes');
        transfer.run(600_000);
        expect(a.counter('completed-handshakes') - before).toBeGreaterThanOrEqual(4);
        transfer.stop();
        expect(transfer.missing).toBe(0);
      }
    },
  );

  it('traffic that pauses for any time and goes on: nothing is lost', TIMEOUT, () => {
    forSeeds((seed) => {
      const transfer = direct('cone and cone', seed);
      const { random } = transfer.world;
      for (let i = 0; i < 4; i++) {
        transfer.stop();
        transfer.run(random.next() * 240_000);
        transfer.start();
        expect(transfer.untilDirect(3_000), `seed ${seed}`).not.toBeNull();
        transfer.run(1_000);
      }
      transfer.stop();
      expect(transfer.missing).toBe(0);
    });
  });
});
