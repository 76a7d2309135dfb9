import { beforeEach, describe, expect, it } from 'vitest';
import type { PeerReach } from '../../../agent/paths/path-sink.ts';
import { RouterWatch } from '../../../agent/tunnel/router-watch.ts';

const DIRECT: PeerReach = { kind: 'direct', roundTrip: 10 };
const RELAY: PeerReach = { kind: 'relay', roundTrip: null };

describe('the watch of routers that stand in for each other', () => {
  let now: number;
  let reach: Record<number, PeerReach>;
  let bytes: Record<number, { sent: number; received: number }>;
  let told: [slot: number, kind: string, at: number][];
  let done: string[];
  let watch: RouterWatch;

  beforeEach(() => {
    now = 0;
    reach = { 1: DIRECT, 2: RELAY };
    bytes = { 1: { sent: 0, received: 0 }, 2: { sent: 0, received: 0 } };
    told = [];
    done = [];
    const note = (what: string) => (slot: number) => void done.push(`${what} ${slot}`);
    watch = new RouterWatch({
      reach: (slot) => reach[slot] as PeerReach,
      traffic: (slot) => ({ ...(bytes[slot] as { sent: number; received: number }) }),
      probe: note('probe'),
      search: note('search'),
      wake: note('wake'),
      handshake: note('handshake'),
      changed: (slot, { kind }) => void told.push([slot, kind, now]),
    });
    watch.setGroups([[1, 2]]);
  });

  /** Time passes; `each` is what happens at every tenth of a second. */
  function pass(milliseconds: number, each: () => void = () => {}): void {
    for (const end = now + milliseconds; now < end; now += 100) {
      each();
      if (watch.nextDeadline() <= now) watch.advance(now);
    }
  }
  const exchange = (slot: number) => {
    const of = bytes[slot] as { sent: number; received: number };
    of.sent++;
    of.received++;
  };
  const send = (slot: number) => {
    (bytes[slot] as { sent: number }).sent++;
  };

  it('does nothing without traffic, nor for a peer that is no router', () => {
    watch.traffic(3, now);
    expect(watch.nextDeadline()).toBe(Number.POSITIVE_INFINITY);
    expect(done).toEqual([]);
  });

  it('with traffic to one watches both, and tells how they are reached', () => {
    pass(3_000, () => {
      watch.traffic(1, now);
      exchange(1);
      exchange(2);
    });
    expect(done).toContain('probe 2');
    expect(told.map(([slot, kind]) => `${slot} ${kind}`).sort()).toEqual(['1 direct', '2 relay']);
    pass(20_000);
    expect(told.slice(2).map(([slot, kind]) => `${slot} ${kind}`)).toEqual(['1 unknown', '2 unknown']);
    expect(watch.nextDeadline()).toBe(Number.POSITIVE_INFINITY);
  });

  it('one that answers anyway is not asked for a handshake, one that nothing is sent to is, once', () => {
    reach[2] = DIRECT;
    pass(5_000, () => {
      watch.traffic(1, now);
      exchange(1);
    });
    expect(done.filter((what) => what.startsWith('handshake'))).toEqual(['handshake 2']);
  });

  it('SEC-43: by relay, one that falls silent is asked for a handshake, and lost within 5 s', () => {
    pass(2_000, () => {
      watch.traffic(2, now);
      exchange(2);
    });
    const silentFrom = now;
    done = [];
    pass(5_000, () => {
      watch.traffic(2, now);
      send(2);
    });
    expect(done.filter((what) => what === 'handshake 2')).toHaveLength(1);
    const [, kind, at] = told.filter(([slot]) => slot === 2).at(-1) as [number, string, number];
    expect(kind).toBe('lost');
    expect(at - silentFrom).toBeLessThan(4_500);
    // Whatever it then says shows that it is back.
    pass(1_000, () => exchange(2));
    expect(told.at(-1)).toMatchObject([2, 'relay', expect.any(Number)]);
  });

  it('one that is only sent to and answers handshakes is not lost', () => {
    pass(20_000, () => {
      watch.traffic(2, now);
      send(2);
      if (done.includes('handshake 2')) {
        (bytes[2] as { received: number }).received++;
        done = [];
      }
    });
    expect(told.map(([, kind]) => kind)).not.toContain('lost');
  });

  it('one without a way is lost, searched for each second, and asked for a handshake when it has one again', () => {
    reach[1] = { kind: 'lost', roundTrip: null };
    pass(5_000, () => watch.traffic(2, now));
    expect(told).toContainEqual([1, 'lost', expect.any(Number)]);
    expect(done.filter((what) => what === 'search 1').length).toBeGreaterThanOrEqual(3);
    done = [];
    reach[1] = DIRECT;
    pass(1_000, () => watch.traffic(2, now));
    expect(done).toContain('handshake 1');
    expect(told.filter(([slot]) => slot === 1).at(-1)?.[1]).toBe('direct');
  });

  it('tells a round trip anew when it is another by a fifth', () => {
    const step = (roundTrip: number) => {
      reach[1] = { kind: 'direct', roundTrip };
      pass(1_000, () => watch.traffic(1, now));
      return told.filter(([slot]) => slot === 1).length;
    };
    expect([step(10), step(11), step(12.5), step(12.6)]).toEqual([1, 1, 2, 2]);
  });

  it('those that stand in for nobody any more are watched no longer', () => {
    pass(1_000, () => watch.traffic(1, now));
    watch.setGroups([]);
    told = [];
    reach[1] = { kind: 'lost', roundTrip: null };
    pass(3_000, () => watch.traffic(1, now));
    expect(told).toEqual([]);
  });
});
