import { expect, it } from 'vitest';
import { CoordinatorClock } from '../../../agent/control/coordinator-clock.ts';

/** Of a host whose clock somebody sets. */
function host() {
  const times = { monotonic: 5_000, wall: 1_000_000 };
  return { times, clock: { monotonic: () => times.monotonic, wall: () => times.wall } };
}

it("is this host's until the coordinator was heard", () => {
  const { times, clock } = host();
  const coordinator = new CoordinatorClock(clock);
  expect([coordinator.now(), coordinator.isHeard, coordinator.ahead]).toEqual([1_000_000, false, 0]);
  coordinator.heard(3_000_000);
  times.monotonic += 10;
  times.wall += 10;
  expect([coordinator.now(), coordinator.isHeard, coordinator.ahead]).toEqual([3_000_010, true, 2_000_000]);
});

it('goes on as before when somebody sets this one', () => {
  const { times, clock } = host();
  const coordinator = new CoordinatorClock(clock);
  coordinator.heard(3_000_000);
  times.wall = 0;
  expect([coordinator.now(), coordinator.ahead]).toEqual([3_000_000, 3_000_000]);
});

it('begins with what it was ahead in the last run, which counts less than what the coordinator says', () => {
  const { clock } = host();
  const coordinator = new CoordinatorClock(clock);
  coordinator.remember(500);
  coordinator.remember(500);
  expect([coordinator.now(), coordinator.isHeard]).toEqual([1_000_500, false]);
  coordinator.heard(2_000_000);
  coordinator.remember(500);
  expect(coordinator.now()).toBe(2_000_000);
});
