/** How the fuzzers run: many inputs in little time, and a failure says by which seed it comes again. */
import fc from 'fast-check';

/** WARREN_FUZZ_SEED=N repeats a run that failed; WARREN_FUZZ_RUNS=N tries N inputs instead. */
const { WARREN_FUZZ_SEED, WARREN_FUZZ_RUNS } = process.env;

/**
 * Calls `body` with `runs` values and fails with seed, path and the smallest value that it throws for. The seed is new in
 * every run of the tests: what a fixed one finds is found once.
 */
export function fuzz<T>(arbitrary: fc.Arbitrary<T>, runs: number, body: (value: T) => void): void {
  fc.assert(
    fc.property(arbitrary, (value) => void body(value)),
    {
      numRuns: WARREN_FUZZ_RUNS === undefined ? runs : Number(WARREN_FUZZ_RUNS),
      ...(WARREN_FUZZ_SEED === undefined ? {} : { seed: Number(WARREN_FUZZ_SEED) }),
    },
  );
}

/** Bytes without a plan. */
export const noise = (maxLength: number): fc.Arbitrary<Uint8Array> =>
  fc.uint8Array({ maxLength, size: 'max' });

/** Bytes that were good, with a few of them changed, the end cut off or something put behind. */
export function spoiled(good: fc.Arbitrary<Uint8Array>): fc.Arbitrary<Uint8Array> {
  const interesting = fc.oneof(fc.constantFrom(0, 1, 0x7f, 0x80, 0xff), fc.nat(255));
  return fc
    .tuple(
      good,
      fc.array(fc.tuple(fc.nat(), interesting), { maxLength: 6 }),
      fc.nat(400),
      noise(40),
      fc.nat(3),
    )
    .map(([bytes, changes, cut, more, how]) => {
      const copy = bytes.slice();
      // Headers are where it matters: half of the changes are among the first 80 bytes.
      for (const [at, value] of changes)
        if (copy.length > 0) copy[at % (at % 2 === 0 ? copy.length : Math.min(80, copy.length))] = value;
      if (how === 1) return copy.slice(0, Math.max(0, copy.length - cut));
      return how === 2 ? Uint8Array.of(...copy, ...more) : copy;
    });
}

/** Text that was good, with pieces of it taken out, doubled, or changed. */
export function spoiledText(good: fc.Arbitrary<string>): fc.Arbitrary<string> {
  const piece = fc.oneof(
    fc.string({ maxLength: 4 }),
    fc.string({ unit: 'binary', maxLength: 3 }),
    fc.constantFrom(':', '.', '[', ']', '/', '%', '\n', '\0', '-', '0x', '99999999999'),
  );
  return fc
    .tuple(good, fc.array(fc.tuple(fc.nat(), fc.nat(4), piece), { maxLength: 3 }))
    .map(([text, changes]) =>
      changes.reduce((result, [at, length, put]) => {
        const place = at % (result.length + 1);
        return result.slice(0, place) + put + result.slice(place + length);
      }, text),
    );
}
