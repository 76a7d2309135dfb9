import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { State } from '../../agent/state/state.ts';
import { TimestampKeeper } from '../../agent/timestamp-keeper.ts';
import { isAfter } from '../../agent/wireguard/tai64n.ts';
import { WarrenError } from '../../shared/errors.ts';
import { createLogger } from '../../shared/log.ts';

/** A TAI64N of so many seconds. */
function timestamp(seconds: number): Uint8Array {
  const bytes = new Uint8Array(12);
  new DataView(bytes.buffer).setBigUint64(0, 2n ** 62n + BigInt(seconds));
  return bytes;
}

describe('the newest timestamp on disk', () => {
  let folder: string;
  let state: State;
  const log = createLogger('silent', 'test');

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'warren-test-timestamp-'));
    state = State.open(join(folder, 'state'), { create: true });
  });

  afterEach(() => rmSync(folder, { recursive: true }));

  it('is never older than what was sent, so that a clock set back cannot repeat it', () => {
    const keeper = new TimestampKeeper(state, log);
    expect(keeper.last).toBeUndefined();
    for (const seconds of [1000, 1003, 1009, 1011, 5000]) {
      keeper.sent(timestamp(seconds));
      const afterRestart = new TimestampKeeper(state, log).last as Uint8Array;
      expect(isAfter(timestamp(seconds), afterRestart)).toBe(false);
    }
  });

  it('is written once in ten seconds at most', () => {
    const save = vi.spyOn(state, 'saveTimestamp');
    const keeper = new TimestampKeeper(state, log);
    for (let seconds = 1000; seconds <= 1030; seconds++) keeper.sent(timestamp(seconds));
    expect(save).toHaveBeenCalledTimes(3);
  });

  it('SEC-49: a full disk stops nothing', () => {
    vi.spyOn(state, 'saveTimestamp').mockImplementation(() => {
      throw new WarrenError('exhausted', 'no room');
    });
    const keeper = new TimestampKeeper(state, log);
    expect(() => keeper.sent(timestamp(1000))).not.toThrow();
  });
});
