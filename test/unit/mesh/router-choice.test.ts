import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  chooseRouter,
  PREFERRED,
  type RouterChoice,
  type RouterState,
  routerGroups,
} from '../../../agent/mesh/router-choice.ts';
import { aPeer } from '../../support/map.ts';

const router = (nodeId: string, changes: Partial<RouterState> = {}): RouterState => ({
  nodeId,
  preferred: false,
  awaySince: null,
  reach: 'unknown',
  roundTrip: null,
  backSince: Number.NEGATIVE_INFINITY,
  ...changes,
});
/** Long since. */
const AWAY = { awaySince: Number.NEGATIVE_INFINITY };
const direct = (nodeId: string, roundTrip: number, changes: Partial<RouterState> = {}) =>
  router(nodeId, { reach: 'direct', roundTrip, ...changes });
const relayed = (nodeId: string) => router(nodeId, { reach: 'relay' });
const lost = (nodeId: string) => router(nodeId, { reach: 'lost' });

/** The choice after a time in which nothing changed. */
function settled(before: RouterChoice | null, routers: RouterState[], now = 0): RouterChoice {
  let choice = chooseRouter(before, routers, now);
  for (let times = 0; choice.lookAgainAt < Number.POSITIVE_INFINITY && times < 10; times++)
    choice = chooseRouter(choice, routers, choice.lookAgainAt);
  return choice;
}
const using = (nodeId: string): RouterChoice => ({
  nodeId,
  why: null,
  challenger: null,
  lookAgainAt: Number.POSITIVE_INFINITY,
});

describe('SEC-43: of two routers', () => {
  it('the one with the lesser id is used while nothing is known of them, and is not when it is away', () => {
    expect(chooseRouter(null, [router('b'), router('a')], 0).nodeId).toBe('a');
    expect(chooseRouter(null, [router('b'), router('a', AWAY)], 0).nodeId).toBe('b');
    expect(chooseRouter(null, [lost('b'), lost('a')], 0).nodeId).toBe('a');
  });

  it('one that does not answer or is away is left at once, and kept where the other is no better', () => {
    expect(chooseRouter(using('a'), [lost('a'), relayed('b')], 0)).toMatchObject({
      nodeId: 'b',
      why: 'the one before does not answer',
    });
    const away = router('a', AWAY);
    expect(chooseRouter(using('a'), [away, router('b')], 0)).toMatchObject({
      nodeId: 'b',
      why: 'the one before is away',
    });
    expect(chooseRouter(using('b'), [lost('a'), lost('b')], 0).nodeId).toBe('b');
    expect(chooseRouter(using('c'), [router('a'), router('b')], 0).nodeId).toBe('a');
  });

  it('one that is away is left after 3 s: the coordinator may have been started anew', () => {
    const routers = [router('a', { awaySince: 1_000 }), router('b', { awaySince: 1_000 })];
    const first = chooseRouter(using('a'), routers, 1_000);
    expect(first).toMatchObject({ nodeId: 'a', lookAgainAt: 4_000 });
    expect(chooseRouter(first, [routers[0] as RouterState, router('b')], 3_900).nodeId).toBe('a');
    expect(chooseRouter(first, [routers[0] as RouterState, router('b')], 4_000).nodeId).toBe('b');
    expect(settled(using('b'), [router('a', { awaySince: 0 }), router('b')], 1).nodeId).toBe('b');
  });

  it('a direct path that answers says more than the coordinator', () => {
    expect(settled(using('a'), [direct('a', 9, AWAY), router('b')]).nodeId).toBe('a');
  });

  it('direct goes before relay, and then the shorter round trip, once it has been so for 5 s', () => {
    const first = chooseRouter(using('a'), [relayed('a'), direct('b', 50)], 100);
    expect(first).toMatchObject({ nodeId: 'a', lookAgainAt: 5_100 });
    expect(chooseRouter(first, [relayed('a'), direct('b', 50)], 5_100)).toMatchObject({
      nodeId: 'b',
      why: 'direct',
    });
    expect(settled(using('a'), [direct('a', 50), direct('b', 20)])).toMatchObject({
      nodeId: 'b',
      why: 'shorter round trip',
    });
    // As soon as it is not so, the time begins anew.
    const between = chooseRouter(first, [direct('a', 50), direct('b', 50)], 2_000);
    expect(between.challenger).toBeNull();
  });

  it('a little shorter is not shorter', () => {
    expect(settled(using('a'), [direct('a', 50), direct('b', 42)]).nodeId).toBe('a');
    expect(settled(using('a'), [direct('a', 3), direct('b', 0.5)]).nodeId).toBe('a');
  });

  it('one that was lost takes its place again when it has been back for 30 s, and is as good', () => {
    const back = direct('a', 10, { backSince: 1_000 });
    const choice = chooseRouter(using('b'), [back, direct('b', 10)], 2_000);
    expect(choice).toMatchObject({ nodeId: 'b', lookAgainAt: 31_000 });
    expect(chooseRouter(choice, [back, direct('b', 10)], 31_000)).toMatchObject({
      nodeId: 'a',
      why: 'as good, and first',
    });
    expect(settled(using('b'), [direct('a', 20), direct('b', 10)]).nodeId).toBe('b');
    expect(settled(using('b'), [router('a'), relayed('b')]).nodeId).toBe('b');
  });

  it('with any states a choice settles, and does not come back to what it left', () => {
    const state = fc.record({
      preferred: fc.boolean(),
      awaySince: fc.constantFrom(null, 0),
      reach: fc.constantFrom('direct', 'relay', 'lost', 'unknown'),
      roundTrip: fc.double({ min: 0, max: 100, noNaN: true }),
      backSince: fc.constantFrom(Number.NEGATIVE_INFINITY, 0),
    });
    fc.assert(
      fc.property(fc.array(state, { minLength: 2, maxLength: 4 }), fc.nat(3), (states, start) => {
        const routers = states.map(
          (each, index): RouterState => ({
            ...each,
            reach: each.reach as RouterState['reach'],
            roundTrip: each.reach === 'direct' ? each.roundTrip : null,
            nodeId: 'abcd'[index] as string,
          }),
        );
        const used: string[] = [];
        let choice = using('abcd'[start % routers.length] as string);
        for (let now = 0; now < 400_000; now += 5_000) {
          choice = chooseRouter(choice, routers, now);
          if (used.at(-1) !== choice.nodeId) used.push(choice.nodeId);
        }
        expect(new Set(used).size).toBe(used.length);
        expect(choice.lookAgainAt).toBe(Number.POSITIVE_INFINITY);
      }),
    );
  });
});

describe('a router that is preferred', () => {
  const preferred = (state: RouterState): RouterState => ({ ...state, preferred: true });

  it('is used though the others are nearer, and says why', () => {
    for (const state of [router('b'), relayed('b'), direct('b', 90)]) {
      const routers = [direct('a', 1), preferred(state)];
      expect(chooseRouter(null, routers, 0)).toMatchObject({ nodeId: 'b', why: PREFERRED });
      expect(settled(using('b'), routers)).toMatchObject({ nodeId: 'b', why: PREFERRED });
    }
  });

  it('takes over when it has been preferred for 5 s', () => {
    const routers = [direct('a', 1), preferred(relayed('b'))];
    const first = chooseRouter(using('a'), routers, 100);
    expect(first).toMatchObject({ nodeId: 'a', lookAgainAt: 5_100 });
    expect(chooseRouter(first, routers, 5_100)).toMatchObject({ nodeId: 'b', why: PREFERRED });
  });

  it('goes before a challenger that is nearer', () => {
    const routers = [relayed('a'), direct('b', 1), preferred(relayed('c'))];
    expect(chooseRouter(using('a'), routers, 0).challenger?.nodeId).toBe('c');
  });

  it('is left at once when it is lost, and soon when it is away', () => {
    expect(chooseRouter(using('b'), [relayed('a'), preferred(lost('b'))], 0)).toMatchObject({
      nodeId: 'a',
      why: 'the one before does not answer',
    });
    const away = [router('a'), preferred(router('b', { awaySince: 1_000 }))];
    expect(chooseRouter(using('b'), away, 3_900)).toMatchObject({ nodeId: 'b', lookAgainAt: 4_000 });
    expect(chooseRouter(using('b'), away, 4_000).nodeId).toBe('a');
    expect(chooseRouter(null, [router('a'), preferred(router('b', AWAY))], 0).nodeId).toBe('a');
  });

  it('is used again when it has been back for 30 s', () => {
    const routers = [direct('a', 1), preferred(direct('b', 50, { backSince: 1_000 }))];
    const choice = chooseRouter(using('a'), routers, 2_000);
    expect(choice).toMatchObject({ nodeId: 'a', lookAgainAt: 31_000 });
    expect(chooseRouter(choice, routers, 31_000)).toMatchObject({ nodeId: 'b', why: PREFERRED });
  });
});

describe('networks of several routers', () => {
  it('are those that more than one peer carries, for the same network of a site', () => {
    const mapped = (n: number, sitePrefix: string) =>
      aPeer(n, { routes: ['10.201.1.0/24'], mappings: [{ prefix: '10.201.1.0/24', sitePrefix }] });
    const groups = routerGroups([
      aPeer(3, { routes: ['10.1.0.0/16', '10.2.0.0/16'] }),
      aPeer(2, { routes: ['10.1.0.0/16'] }),
      mapped(4, '192.168.1.0/24'),
      mapped(5, '192.168.2.0/24'),
      mapped(6, '192.168.1.0/24'),
    ]);
    expect(groups.map(({ route, routers }) => [route, ...routers.map(({ nodeId }) => nodeId)])).toEqual([
      ['10.1.0.0/16', 'node-002', 'node-003'],
      ['10.201.1.0/24', 'node-004', 'node-006'],
    ]);
  });
});
