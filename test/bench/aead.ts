/**
 * `npm run bench:aead`: every way to seal and open a packet that was looked at, on one thread, interleaved.
 *
 *     npm run bench:aead -- --rounds 21           more rounds (11)
 *     npm run bench:aead -- --packages FOLDER     also packages that Warren does not depend on, from FOLDER/node_modules:
 *                                                 npm install --prefix FOLDER sodium-native @noble/ciphers @chainsafe/as-chacha20poly1305
 *
 * Libraries that this machine lacks are unpacked from a newer Debian's packages, as `npm run bench` does with programs.
 */
import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';
import koffi from 'koffi';
import { nativeBuffer } from '../../agent/drivers/linux/memory.ts';
import { type Candidate, candidates, type Sealer } from './aead-candidates.ts';
import { unpackedLibrary } from './aead-libraries.ts';
import { type Spread, spread } from './statistics.ts';

/** Bytes of a packet: a small one, one in the middle, a full one. */
export const AEAD_SIZES = [64, 512, 1420] as const;
/** How long one candidate is measured at a time, nanoseconds. */
const SLICE = 4e6;
const ROOM = 2048;

/** Nanoseconds for each packet, by size; `lacks` is why there are none. */
export interface AeadResult {
  name: string;
  calls: string;
  usable: string;
  lacks: string | null;
  seal: Spread[];
  open: Spread[];
}

interface Runner {
  candidate: Candidate;
  sealer: Sealer;
  counter: number;
  seal: number[][];
  open: number[][];
}

/** Measures all candidates, and the limit that `openssl speed` gives. About half a second for each round. */
export async function measureAead(rounds: number, packages?: string): Promise<AeadResult[]> {
  const results: AeadResult[] = [];
  const runners: Runner[] = [];
  // A library that is loaded already is the one that its name finds.
  const multiBuffer = await unpackedLibrary('libipsec-mb2', 'libIPSec_MB.so.2');
  if (multiBuffer !== null) koffi.load(multiBuffer);
  const boringSsl = await unpackedLibrary('android-libboringssl', 'android/libcrypto.so.0');
  for (const candidate of candidates(packages, boringSsl)) {
    const { name, calls, usable } = candidate;
    try {
      const sealer = await prepare(candidate);
      const [seal, open] = [AEAD_SIZES.map(() => []), AEAD_SIZES.map(() => [])];
      runners.push({ candidate, sealer, counter: 0, seal, open });
    } catch (error) {
      const lacks = String((error as Error).cause ?? error).replace(/\s*\n.*/s, '');
      results.push({ name, calls, usable, lacks, seal: [], open: [] });
    }
  }
  // The first round only warms up.
  for (let round = -1; round < rounds; round++)
    for (const [index, size] of AEAD_SIZES.entries())
      for (const runner of runners) {
        const { sealer } = runner;
        const seal = await timed(() => sealer.seal(++runner.counter, size));
        // What the last packet was sealed as, over and over: nothing here watches for replays.
        const opens = await sealer.open(runner.counter, size);
        if (!opens) throw new Error(`${runner.candidate.name} does not open what it sealed`);
        const open = await timed(() => sealer.open(runner.counter, size));
        if (round < 0) continue;
        runner.seal[index]!.push(seal);
        runner.open[index]!.push(open);
      }
  const measured = runners.map(({ candidate: { name, calls, usable }, seal, open }) => {
    return { name, calls, usable, lacks: null, seal: seal.map(spread), open: open.map(spread) };
  });
  return [limit(), ...measured, ...results];
}

/** A candidate that has shown that it opens its own packets and no forged one. */
async function prepare(candidate: Candidate): Promise<Sealer> {
  const [plain, sealed, opened] = [nativeBuffer(ROOM), nativeBuffer(ROOM), nativeBuffer(ROOM)];
  const key = new Uint8Array(32).fill(7);
  plain.bytes.fill(5);
  const sealer = await candidate.make({ key, plain, sealed, opened });
  for (const size of AEAD_SIZES) {
    await sealer.seal(1, size);
    const genuine = (await sealer.open(1, size)) && opened.bytes[size - 1] === 5;
    sealed.view.setUint8(size, sealed.view.getUint8(size) ^ 1);
    const forged = await sealer.open(1, size);
    if (!genuine || forged) throw new Error('it is wrong about what is genuine and what is forged');
  }
  return sealer;
}

/** Nanoseconds a call, over a slice of time. A promise is waited for. */
async function timed(call: () => unknown): Promise<number> {
  const first = call();
  const isAsync = first instanceof Promise;
  if (isAsync) await first;
  let calls = 0;
  const start = process.hrtime.bigint();
  let elapsed = 0;
  while (elapsed < SLICE) {
    if (isAsync) for (let i = 0; i < 10; i++) await call();
    else for (let i = 0; i < 10; i++) call();
    calls += 10;
    elapsed = Number(process.hrtime.bigint() - start);
  }
  return elapsed / calls;
}

/** What the system's OpenSSL does in a loop of its own, without setting a nonce for each packet. */
function limit(): AeadResult {
  const base = { name: '`openssl speed`', calls: 'a loop in C, the nonce set once', usable: 'the yardstick' };
  const run = (size: number, ...options: string[]) => {
    const { stdout, error } = spawnSync(
      'openssl',
      [
        'speed',
        '-elapsed',
        '-seconds',
        '1',
        '-bytes',
        String(size),
        '-aead',
        '-evp',
        'chacha20-poly1305',
      ].concat(options),
      { encoding: 'utf8' },
    );
    const rate = /([\d.]+)k\s*$/.exec(stdout ?? '')?.[1];
    if (rate === undefined) throw error ?? new Error('openssl speed told no rate');
    return spread([(1e6 * size) / Number(rate)]);
  };
  try {
    return {
      ...base,
      lacks: null,
      seal: AEAD_SIZES.map((size) => run(size)),
      open: AEAD_SIZES.map((size) => run(size, '-decrypt')),
    };
  } catch (error) {
    return { ...base, lacks: String(error), seal: [], open: [] };
  }
}

/** The results as a table in Markdown: median, least and most, in nanoseconds. */
export function aeadTable(results: readonly AeadResult[]): string {
  const heads = ['', 'calls a packet', ...AEAD_SIZES.map((size) => `seal ${size}`)];
  heads.push(...AEAD_SIZES.map((size) => `open ${size}`), 'for the driver');
  const cell = ({ min, median, max }: Spread) =>
    min === max ? median.toFixed(0) : `**${median.toFixed(0)}** (${min.toFixed(0)}–${max.toFixed(0)})`;
  const rows = results
    .filter(({ lacks }) => lacks === null)
    .map(({ name, calls, usable, seal, open }) => [
      name,
      calls,
      ...seal.map(cell),
      ...open.map(cell),
      usable,
    ]);
  const absent = results
    .filter(({ lacks }) => lacks !== null)
    .map(
      ({ name, usable, lacks }) => `- ${name} is not on this machine: ${lacks} (for the driver: ${usable})`,
    );
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const table = [line(heads), line(heads.map(() => '---')), ...rows.map(line)].join('\n');
  return absent.length === 0 ? table : `${table}\n\n${absent.join('\n')}`;
}

if (import.meta.main) {
  const { rounds, packages } = parseArgs({
    options: { rounds: { type: 'string', default: '11' }, packages: { type: 'string' } },
  }).values;
  const count = Number(rounds);
  if (!Number.isInteger(count) || count < 1) {
    console.error(`bench: --rounds ${rounds}: expected a whole number from 1`);
    process.exit(2);
  }
  console.log(`nanoseconds a packet: median (least–most) of ${count} interleaved rounds\n`);
  console.log(aeadTable(await measureAead(count, packages)));
}
