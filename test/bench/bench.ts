/** `npm run bench`: Warren against the other userspace VPNs; options.ts has the command line, docs/benchmark.md the result. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { lacks } from '../support/needs.ts';
import { Attempts } from './attempt.ts';
import { bars } from './bars.ts';
import { compare } from './compare.ts';
import { filtered } from './filtered.ts';
import { filteredTable, policyCostTable } from './filtered-tables.ts';
import { HEAP_LOADS, HEAP_LOADS_PARALLEL, heapProfile } from './heap/measure.ts';
import { lineup } from './lineup.ts';
import { thisMachine } from './machine.ts';
import { type Options, readOptions, USAGE } from './options.ts';
import { page } from './page.ts';
import { comparisonPicture, scalePicture } from './pictures.ts';
import { relayed } from './relayed.ts';
import { type Results, rowsOf, withParts } from './results.ts';
import { scale } from './scale.ts';
import {
  barsTable,
  comparedRows,
  heapTable,
  peersTable,
  ratiosTable,
  relayedTable,
  sitesTable,
  sizesTable,
  valuesTable,
} from './tables.ts';

const ROOT = join(import.meta.dirname, '../..');

const LONG = {
  compare: { tcp: 3, udp: 2, pings: 1000 },
  scale: { rounds: 3, seconds: 2, peers: [1, 10, 100, 1000], sizes: [64, 128, 256, 512, 1024, 1400] },
  heap: { seconds: 5 },
  relay: { rounds: 5, seconds: 2, pings: 500 },
  policy: { rounds: 5, seconds: 2, pings: 500, network: { nodes: 10_000, rules: 500 } },
};
const QUICK: typeof LONG = {
  compare: { tcp: 1, udp: 1, pings: 200 },
  scale: { rounds: 1, seconds: 1, peers: [1, 1000], sizes: [64, 512, 1400] },
  heap: { seconds: 2 },
  relay: { rounds: 1, seconds: 1, pings: 200 },
  policy: { rounds: 1, seconds: 1, pings: 200, network: { nodes: 10_000, rules: 500 } },
};

function fail(message: string, status: number): never {
  console.error(`bench: ${message}`);
  process.exit(status);
}

function options(): Options {
  try {
    const read = readOptions(process.argv.slice(2));
    if (read) return read;
    console.log(USAGE);
    process.exit(0);
  } catch (error) {
    fail(`${(error as Error).message.split('\n')[0]}\n\n${USAGE}`, 2);
  }
}

const { parts, quick, rounds, only, wireguardGo, folder, keepsOthers } = options();
if (lacks('root')) fail('not root: network namespaces need root', 1);
if (lacks('tun')) fail('no /dev/net/tun: load the tun module (modprobe tun)', 1);

const { contenders, ours, reference, leftOut } = await lineup(wireguardGo);
for (const { name, reason } of leftOut) console.log(`left out: ${name}: ${reason}`);
const has = (name: string, part: string) => name.toLowerCase().includes(part.toLowerCase());
const nobody = only?.find((part) => !contenders.some(({ name }) => has(name, part)));
if (nobody !== undefined)
  fail(`--only ${nobody}: expected a part of ${contenders.map(({ name }) => name).join('; ')}`, 2);
const chosen = contenders.filter(({ name }) => only === null || only.some((part) => has(name, part)));

const lengths = quick ? QUICK : LONG;
const attempts = new Attempts();
const made: Results = {
  machine: thisMachine(),
  contenders: chosen.map(({ name, version, kind }) => ({ name, version, kind })),
  ...{ ours: ours.name, reference: reference?.name ?? null, leftOut },
  ...{ comparison: null, scale: null, heap: null, relayed: null, filtered: null },
  apart: {},
  ...{ failures: attempts.failures, loads: attempts.loads },
};

if (parts.compare) {
  made.comparison = await compare(chosen, rounds, lengths.compare, attempts);
  console.log(`\n${valuesTable(rowsOf(made))}`);
  const compared = comparedRows(made);
  if (compared) console.log(`\n${ratiosTable(compared.ours, compared.others)}`);
}
if (parts.scale) {
  const pair = [ours, reference].filter((contender) => contender !== null);
  made.scale = await scale(pair, lengths.scale, attempts);
  console.log(`\n${peersTable(made.scale)}\n\n${sizesTable(made.scale)}`);
}
if (parts.relay) {
  made.relayed = await relayed(lengths.relay, attempts);
  console.log(`\n${relayedTable(made.relayed)}`);
}
if (parts.policy) {
  made.filtered = await filtered(lengths.policy, attempts);
  console.log(`\n${filteredTable(made.filtered)}\n\n${policyCostTable(made.filtered)}`);
}
if (parts.heap) {
  const { seconds } = lengths.heap;
  const rows = await attempts.measure('heap', async () => [
    ...(await heapProfile(ours.version, seconds, 1, HEAP_LOADS)),
    ...(await heapProfile(ours.version, seconds, 2, HEAP_LOADS_PARALLEL)),
  ]);
  made.heap = rows && { seconds, rows };
  if (made.heap) console.log(`\n${heapTable(made.heap)}\n\n${sitesTable(made.heap)}`);
}
if (bars(made).length > 0) console.log(`\n${barsTable(made)}`);

if (folder !== null) {
  const at = resolve(ROOT, folder);
  mkdirSync(at, { recursive: true });
  const results = keepsOthers
    ? withParts(JSON.parse(readFileSync(resolve(at, 'benchmark.json'), 'utf8')), made, ours.version)
    : made;
  const files = {
    'benchmark.md': page(results),
    'benchmark.json': `${JSON.stringify(results, null, 1)}\n`,
    ...(results.comparison && { 'benchmark.svg': comparisonPicture(results) }),
    ...(results.scale && { 'benchmark-scale.svg': scalePicture(results.scale, ours.name) }),
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(at, name), text);
  console.log(`\nwritten: ${Object.keys(files).join(', ')} in ${at}`);
}
if (attempts.failures.length > 0) fail(`${attempts.failures.length} measurements failed, see above`, 1);
