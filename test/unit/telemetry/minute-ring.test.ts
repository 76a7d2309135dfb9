import { describe, expect, it } from 'vitest';
import { LatencyHistory } from '../../../coordinator/telemetry/latency-history.ts';
import { KEPT_MINUTES, MinuteRing } from '../../../coordinator/telemetry/minute-ring.ts';

describe('numbers by the minute', () => {
  it('are held for a day, whatever came before', () => {
    const ring = new MinuteRing(2, 0);
    for (let minute = 100; minute < 100 + 3 * KEPT_MINUTES; minute++) {
      ring.add(minute, 0, minute);
      ring.add(minute, 1, 1);
      ring.add(minute, 1, 1);
    }
    const rows = [...ring.rows()];
    expect(rows).toHaveLength(KEPT_MINUTES);
    expect(rows[0]).toEqual({ minute: 100 + 2 * KEPT_MINUTES, values: [100 + 2 * KEPT_MINUTES, 2] });
    expect(
      rows.every(({ minute, values }, i) => values[0] === minute && minute === (rows[0]?.minute ?? 0) + i),
    ).toBe(true);
  });

  it('minutes without any are empty', () => {
    const ring = new MinuteRing(1, Number.NaN);
    ring.set(10, 0, 1);
    ring.set(13, 0, 2);
    expect([...ring.rows()].map(({ values }) => values[0])).toEqual([1, Number.NaN, Number.NaN, 2]);
    expect([...ring.rows(12)].map(({ minute }) => minute)).toEqual([12, 13]);
  });

  it('a clock set back writes into the newest minute, one far ahead begins anew', () => {
    const ring = new MinuteRing(1, 0);
    ring.add(10, 0, 1);
    ring.add(5, 0, 2);
    expect([...ring.rows()]).toEqual([{ minute: 10, values: [3] }]);
    ring.add(5_000_000, 0, 4);
    expect([...ring.rows()]).toEqual([{ minute: 5_000_000, values: [4] }]);
  });

  it('round trips are kept for so many peers of a node, and so many in all; the longest quiet goes', () => {
    const history = new LatencyHistory();
    for (let node = 0; node < 200; node++) {
      for (let peer = 0; peer < 40; peer++) history.record(`n${node}`, `p${peer}`, 1, 1);
    }
    expect([...history.of('n199').keys()]).toEqual(Array.from({ length: 32 }, (_, i) => `p${i + 8}`));
    expect(history.of('n0').size).toBe(0);
    let size = 0;
    for (let node = 0; node < 200; node++) size += history.of(`n${node}`).size;
    expect(size).toBe(4_096);
    history.forget('n199');
    expect(history.of('n199').size).toBe(0);
  });
});
