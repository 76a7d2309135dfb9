import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Deadlines, type Sleeper } from '../../../agent/wireguard/deadlines.ts';

const sleeper = (): Sleeper => ({ wakeAt: Number.POSITIVE_INFINITY, heapIndex: -1 });

describe('deadlines', () => {
  it('wakes nobody when nobody waits', () => {
    const deadlines = new Deadlines<Sleeper>();
    expect(deadlines.next()).toBe(Number.POSITIVE_INFINITY);
    expect(deadlines.takeDue(1e12)).toBeNull();
  });

  it('a later deadline does not postpone the wake-up, an earlier one brings it forward', () => {
    const deadlines = new Deadlines<Sleeper>();
    const one = sleeper();
    deadlines.wakeBy(one, 50);
    deadlines.wakeBy(one, 80);
    expect(deadlines.next()).toBe(50);
    deadlines.wakeBy(one, 20);
    expect(deadlines.next()).toBe(20);
  });

  it('hands out everybody by the time asked for, in order of time, whatever comes and goes', () => {
    const step = fc.record({ who: fc.nat(19), at: fc.nat(1000), remove: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const deadlines = new Deadlines<Sleeper>();
        const all = Array.from({ length: 20 }, sleeper);
        const wanted = new Map<Sleeper, number>();
        for (const { who, at, remove } of steps) {
          const one = all[who] as Sleeper;
          if (remove) {
            deadlines.remove(one);
            wanted.delete(one);
          } else {
            deadlines.wakeBy(one, at);
            wanted.set(one, Math.min(at, wanted.get(one) ?? at));
          }
        }
        const woken: number[] = [];
        for (let now = 0; now <= 1000; now++) {
          for (let one = deadlines.takeDue(now); one !== null; one = deadlines.takeDue(now)) {
            expect(wanted.get(one)).toBe(now);
            wanted.delete(one);
            woken.push(now);
          }
        }
        expect(wanted.size).toBe(0);
        expect(woken).toEqual([...woken].sort((a, b) => a - b));
      }),
    );
  });
});
