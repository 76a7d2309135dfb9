import { beforeEach, describe, expect, it, vi } from 'vitest';
import { boottime, systemClock } from '../../../shared/clock.ts';

/** What os.uptime() says, in seconds, less what it would have said. */
let slept = 0;
vi.mock('node:os', async (original) => {
  const os = await original<typeof import('node:os')>();
  return { ...os, uptime: () => os.uptime() + slept };
});

/** Time between two looks whether the host slept. */
const look = () => new Promise((resolve) => setTimeout(resolve, 15));

describe('the clock that runs on while the host is suspended', () => {
  beforeEach(() => boottime());

  it.each([3, 600, 86_400])(
    'SEC-51: tells of %d s of sleep as soon as the program runs again',
    async (seconds) => {
      const before = boottime();
      slept += seconds;
      await look();
      const passed = boottime() - before;
      expect(passed).toBeGreaterThan(seconds * 1000);
      expect(passed).toBeLessThan(seconds * 1000 + 2_000);
      expect(boottime() - before).toBeGreaterThanOrEqual(passed);
    },
  );

  it('does not take the coarseness of what it looks at for sleep', async () => {
    const before = boottime();
    slept += 1;
    await look();
    expect(boottime() - before).toBeLessThan(1_000);
    slept -= 1;
  });

  it('is the one that everything decides by', () => {
    expect(Math.abs(systemClock.monotonic() - boottime())).toBeLessThan(100);
  });
});
