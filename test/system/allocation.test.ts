/** The data plane of a real agent under load, seen by the benchmark's heap probe (test/bench/heap). */
import { expect, it } from 'vitest';
import { HEAP_LOADS_PARALLEL, heapProfile } from '../bench/heap/measure.ts';
import { describeNeeds } from '../support/needs.ts';

/**
 * Bytes per packet. A view of a buffer, an array or a closure for every packet is more than this; numbers with fractions
 * once a wake-up, of 16 bytes each, are far less, even where a wake-up brings few packets.
 */
const LIMIT = 48;

describeNeeds(['root', 'tun', 'wg', 'iperf3'], 'the heap of the data plane', () => {
  it.each([1, 2])(
    'grows by less than an object per packet, sealing and opening, with %i workers',
    async (workers) => {
      const rows = await heapProfile('under test', 2, workers, HEAP_LOADS_PARALLEL);
      expect(rows.map(({ end }) => end)).toEqual(['seals', 'opens']);
      for (const { packets, bytes, sites } of rows) {
        expect(packets).toBeGreaterThan(1000);
        expect(bytes / packets, JSON.stringify(sites.slice(0, 3))).toBeLessThan(LIMIT);
      }
    },
  );
});
