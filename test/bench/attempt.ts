import { loadavg } from 'node:os';
import { describeError } from '../../shared/errors.ts';

/** Failures of measurements, and how busy the machine was: what the page says of a run's quality. */
export class Attempts {
  readonly failures: string[] = [];
  /** The last minute's load average before each measurement: what else the machine did shows in it. */
  readonly loads: number[] = [];

  /**
   * A measurement, made once more when it fails: a program that now and then does not start must not cost a whole run. Null,
   * and a line among the failures, when it fails again.
   */
  async measure<T>(what: string, measurement: () => Promise<T>): Promise<T | null> {
    this.loads.push(loadavg()[0]!);
    for (let tries = 1; ; tries++) {
      try {
        return await measurement();
      } catch (error) {
        const line = `${what}: ${describeError(error).trim()}`;
        console.error(tries === 1 ? `once more: ${line}` : `failed: ${line}`);
        if (tries === 1) continue;
        this.failures.push(line.split('\n').slice(0, 3).join(' '));
        return null;
      }
    }
  }
}

/** In turn forwards and backwards, so that nobody is always the one who comes after somebody. */
export function inTurn<T>(items: readonly T[], round: number): T[] {
  return round % 2 === 1 ? [...items] : items.toReversed();
}
