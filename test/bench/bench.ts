/**
 * `npm run bench`: Warren against wireguard-go, nebula and openvpn, interleaved, and docs/benchmark.md and .svg of it.
 *
 *     npm run bench -- --quick                       one short round, printed only
 *     npm run bench -- --rounds 7                    more rounds (5)
 *     npm run bench -- --only Warren,wireguard-go    some contenders, printed only
 *     npm run bench -- --wireguard-go FILE           another build of it as one more contender
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { loadavg, release } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { lacks } from '../support/needs.ts';
import type { Contender } from './contender.ts';
import { bare } from './contenders/bare.ts';
import { nebula } from './contenders/nebula.ts';
import { openvpn } from './contenders/openvpn.ts';
import { warren, wireguardGo } from './contenders/wireguard.ts';
import { METRICS, measure, type Sample } from './measure.ts';
import { benchmarkChart, benchmarkPage, type Result, ratiosTable, valuesTable } from './report.ts';
import { digits } from './statistics.ts';

const ROOT = join(import.meta.dirname, '../..');

function fail(message: string, status: number): never {
  console.error(`bench: ${message}`);
  process.exit(status);
}

function options() {
  try {
    return parseArgs({
      options: {
        quick: { type: 'boolean', default: false },
        rounds: { type: 'string' },
        only: { type: 'string' },
        'wireguard-go': { type: 'string' },
      },
    }).values;
  } catch (error) {
    fail(
      `${(error as Error).message.split('\n')[0]}: expected --quick, --rounds N, --only NAME,…, --wireguard-go FILE`,
      2,
    );
  }
}

const { quick, rounds: roundsText, only, 'wireguard-go': otherBuild } = options();
const rounds = Number(roundsText ?? (quick ? 1 : 5));
if (!Number.isInteger(rounds) || rounds < 1)
  fail(`--rounds ${roundsText}: expected a whole number from 1`, 2);
if (lacks('root')) fail('not root: network namespaces need root', 1);
if (lacks('tun')) fail('no /dev/net/tun: load the tun module (modprobe tun)', 1);

function contenders(): Contender[] {
  const all = [warren('linux'), wireguardGo()];
  if (otherBuild) all.push(wireguardGo(otherBuild, 'wireguard-go (given)'));
  all.push(nebula, openvpn);
  if (existsSync(join(ROOT, 'node_modules/tuntap2/package.json'))) all.push(warren('portable'));
  else console.log("left out: Warren's portable driver, as tuntap2 is not installed");
  all.push(bare);
  if (only === undefined) return all;
  const names = only.split(',');
  const unknown = names.find((name) => !all.some((contender) => contender.name === name));
  if (unknown !== undefined)
    fail(`--only ${unknown}: expected some of ${all.map(({ name }) => name).join(', ')}`, 2);
  return all.filter(({ name }) => names.includes(name));
}

const durations = quick ? { tcp: 2, udp: 1, pings: 200 } : { tcp: 4, udp: 3, pings: 1000 };
const chosen = contenders();
/** The last minute's load average before each measurement: what else the machine did shows in it. */
const loads: number[] = [];
const results: Result[] = await Promise.all(
  chosen.map(async (contender) => ({
    name: contender.name,
    version: await contender.version(),
    ours: contender.name.startsWith('Warren'),
    yardstick: contender === bare,
    rounds: [],
  })),
);

let failures = 0;
for (let round = 1; round <= rounds; round++)
  for (const [index, contender] of chosen.entries()) {
    let sample: Sample | null = null;
    loads.push(loadavg()[0]!);
    try {
      sample = await measure(contender, durations);
    } catch (error) {
      failures++;
      console.error(
        `round ${round}, ${contender.name}: ${(error as Error).message}`,
        (error as Error).cause ?? '',
      );
    }
    results[index]!.rounds.push(sample);
    if (sample)
      console.log(
        `round ${round}/${rounds}  ${contender.name.padEnd(26)}`,
        METRICS.map(({ key, unit }) => `${key} ${digits(sample[key])} ${unit}`).join('  '),
      );
  }

console.log(`\n${valuesTable(results)}`);
const ours = results.find((result) => result.ours);
const others = results.filter((result) => result !== ours && !result.yardstick);
if (ours) console.log(`\n${ratiosTable(ours, others)}`);

if (failures > 0) fail(`${failures} measurements failed: nothing written`, 1);
if (quick || only !== undefined) process.exit(0);
const system = /PRETTY_NAME="(.*)"/.exec(readFileSync('/etc/os-release', 'utf8'))?.[1] ?? 'Linux';
const date = new Date().toISOString().slice(0, 10);
mkdirSync(join(ROOT, 'docs'), { recursive: true });
const run = { date, kernel: release(), system, rounds, durations, loads };
writeFileSync(join(ROOT, 'docs/benchmark.md'), benchmarkPage(results, run));
writeFileSync(join(ROOT, 'docs/benchmark.svg'), benchmarkChart(results));
console.log('\nwritten: docs/benchmark.md, docs/benchmark.svg');
