/** docs/benchmark.md. */
import type { Comparison } from './compare.ts';
import type { Filtered } from './filtered.ts';
import { filteredTable, policyCostTable } from './filtered-tables.ts';
import type { HeapProfile } from './heap/measure.ts';
import { WARM_UP } from './measure.ts';
import type { Relayed } from './relayed.ts';
import { contendersOf, type Part, type Results, rowsOf } from './results.ts';
import { digits, spread } from './statistics.ts';
import {
  barsTable,
  comparedRows,
  heapTable,
  loadedRows,
  peersTable,
  ratiosTable,
  relayedTable,
  sitesTable,
  sizesTable,
  table,
  valuesTable,
} from './tables.ts';

export function page(results: Results): string {
  const parts = [introduction(results)];
  const add = (part: Part, text: string) => {
    const apart = results.apart[part];
    parts.push(
      apart === undefined
        ? text
        : `${text}\n\nMeasured apart from the rest, on ${apart.date} with ${apart.version}.`,
    );
  };
  if (results.comparison) add('comparison', comparison(results));
  if (results.scale) add('scale', scale(results));
  if (results.relayed) add('relayed', relay(results.relayed));
  if (results.filtered) add('filtered', policy(results.filtered));
  if (results.heap) add('heap', heap(results.heap));
  parts.push(method(results), whoAndWhere(results));
  return `${parts.join('\n\n')}\n`;
}

function introduction({ machine }: Results): string {
  return `# Benchmark

Made by \`npm run bench\` on ${machine.date}; every run writes this page, its pictures and the figures behind them
([benchmark.json](benchmark.json)) anew. What it asks of a machine, and how to repeat it, is at the end.

Two hosts, network namespaces of one machine on one cable (veth), and a tunnel between them with an MTU of 1420. Both
daemons, both test programs and the kernel share the machine's processors, so the figures say how VPNs compare and not
how fast one is on hardware of its own.`;
}

function comparison(results: Results): string {
  const compared = comparedRows(results);
  const { rounds } = results.comparison!;
  return `## The bars

What this project asks of its data plane, and how it stood in this run. “Times” are quotients made within a round. The best
peer is the one of this run with the best median; ${results.reference ?? 'no wireguard-go'} is the newest wireguard-go here.

${barsTable(results)}

## All figures

![The medians as bars](benchmark.svg)

Bold is the median of ${rounds} rounds, in parentheses the least and the most.

${valuesTable(rowsOf(results))}

## As ratios

Each round measures every contender once, one after the other, every other round in the opposite order, and the ratios are made
within a round: that takes out what else the machine was doing. Above 1 is good for “${results.ours}”, in every column
(where less is better, the ratio is turned round).

${compared ? ratiosTable(compared.ours, compared.others) : ''}`;
}

function scale(results: Results): string {
  const { rounds, seconds } = results.scale!;
  return `## More peers, other sizes

![The medians as lines](benchmark-scale.svg)

With so many peers configured on both hosts, one of them active and the others silent: ${rounds} rounds, ${seconds} s each measurement.
Memory is that of the bigger daemon, idle before any load and at its peak.

${peersTable(results.scale!)}

UDP in IP packets of one size, headers included; throughput counts the same bytes. A CPU second is one of both daemons
together, user and system.

${sizesTable(results.scale!)}`;
}

function relay(relayed: Relayed): string {
  const { rounds, seconds, pings } = relayed;
  return `## By relay

Two agents of a mesh (\`bin/agent join\`) and their coordinator, which is the relay, on a switch: directly, and with UDP blocked on
both hosts, so that every packet goes to the relay by TLS and comes back. ${rounds} rounds, ${seconds} s each load, ${pings} pings. The CPU is that of
both agents and the coordinator together.

${relayedTable(relayed)}`;
}

function policy(measured: Filtered): string {
  const { rounds, seconds, pings } = measured;
  return `## Under a policy

Two agents of a mesh on a switch, and what nftables costs at the receiver: without a policy, with 1,000 rules that each have another
source, and with 1,000 that all have the sender as theirs, of which the last lets the load through. nftables
finds it by lookups, not one after the other. ${rounds} rounds, ${seconds} s each load, ${pings} pings. “Of none” above 1 is better than without a policy, in every column.

${filteredTable(measured)}

What the same rules, with groups, tags, networks and users, come to at the coordinator of a large network. The map is the snapshot that
a node is sent when it connects, as it goes over the wire, over a hundred of the nodes; after that it hears differences.

${policyCostTable(measured)}`;
}

/** Bytes of the smallest object on V8's heap: a map and one field. */
const SMALLEST_OBJECT = 16;

function heap(profile: HeapProfile): string {
  const most = Math.max(...loadedRows(profile).map(({ bytes, packets }) => bytes / packets));
  const verdict =
    most < SMALLEST_OBJECT
      ? `Nothing: at most ${digits(most)} bytes per packet, less than a single object for each. What remains are lone
numbers, with fractions as the time has or too big for 31 bits, which V8 now and then puts on the heap.`
      : `Too much: up to ${digits(most)} bytes per packet, so there are objects made for each.`;
  return `## What is allocated for a packet

${verdict}

This is the JavaScript heap of Warren's worker threads (linux driver; of all workers together), at both ends of a tunnel, under
${profile.seconds} s of load each. The bytes are exact: by how much the heap grew between collections, as V8 reports it, whatever the cause. The
smallest object on that heap takes ${SMALLEST_OBJECT} bytes. The first rows, a tunnel that carries pings only, show what looking itself costs.

${heapTable(profile)}

The places that allocated most, by V8's sampling heap profiler (an estimate, so its sums differ a little from the exact ones):

${sitesTable(profile)}`;
}

function method({ comparison, scale, heap, ours }: Results): string {
  const points = [
    `For every round of a contender hosts, keys and daemons are made anew, and ${WARM_UP} s of TCP goes before the first measurement.
  Warren runs as \`bin/agent tunnel\` and is configured by \`wg\` and \`ip\` exactly as wireguard-go is; without \`--workers\` it
  takes as many on this machine as “${ours}” has. openvpn runs in user space with ChaCha20-Poly1305, tinc with AES-256,
  nebula with its defaults.`,
  ];
  if (comparison) points.push(...comparisonMethod(comparison));
  if (scale)
    points.push(
      'Silent peers have a key, an allowed IP and an endpoint each, added with `wg addconf`; nothing is sent to them.',
    );
  if (heap)
    points.push(`Heap: \`test/bench/heap/probe.ts\` is loaded into an agent by \`node --import\` and speaks to its workers by V8's inspector; agent
  and command line are otherwise the usual ones. Every load runs once before, unrecorded, until code is optimized. Packets
  are counted by WireGuard's own byte counters.`);
  return `## How

${points.map((point) => `- ${point}`).join('\n')}

${REPEAT}`;
}

const comparisonMethod = ({ durations: { tcp, udp, pings } }: Comparison) => [
  `TCP: \`iperf3\`, ${tcp} s each: one stream, four streams, and one in each direction at once (the sum of both). What arrived counts.`,
  `UDP: \`iperf3 --udp --bitrate 0\`, ${udp} s each, payloads of 64 and 1300 bytes; packets that arrived, each second.`,
  `Idle round trip: the mean of ${pings} pings, 2 ms apart.`,
  'CPU: user and system seconds of both daemons together during the one TCP stream, by gigabyte that arrived.',
  'Memory: the highest resident size that a daemon reached by the end.',
];

const REPEAT = `To repeat it, as root on a Debian or Ubuntu machine, in a clone of this repository:

    npm run bench                          everything, and this page: some 30 minutes
    npm run bench -- --quick               one short round of the comparison, printed only: about a minute and a half
    npm run bench -- --compare             a part alone, printed only; also --scale, --relay, --policy and --heap, with --quick too
    npm run bench -- --only Warren,nebula  contenders whose names contain one of these
    npm run bench -- --wireguard-go FILE   another build of wireguard-go, to hold the bars against
    npm run bench:aead                     the libraries that could seal packets, by themselves
    npm run bench:start                    where the time of a start goes

It installs what it needs by apt. The newer builds of wireguard-go and nebula come from the packages of other Debian
releases, unpacked under node_modules/.cache/warren-bench and not installed; remove that folder to look for newer ones.
Nothing else should run on the machine meanwhile.`;

function whoAndWhere(results: Results): string {
  const { machine, leftOut, failures, loads } = results;
  const load = spread(loads.length === 0 ? [0] : loads);
  const versions = table(
    ['', 'version'],
    contendersOf(results).map(({ name, version }) => [name, version]),
    2,
  );
  const missing = leftOut.map(({ name, reason }) => `- Left out: ${name}, for ${reason}.`);
  const failed = failures.map((failure) => `- Failed, twice: ${failure}`);
  return [
    versions,
    ...(missing.length + failed.length > 0 ? [[...missing, ...failed].join('\n')] : []),
    `The machine: ${machine.processors} × ${machine.processor}, ${machine.gigabytes} GB, ${machine.system}, Linux ${machine.kernel};
the load average of the last minute was ${digits(load.min)} to ${digits(load.max)} before the measurements, ${digits(load.median)} in the median. The
measurements alone make it about as high as there are processors; much more means that other work disturbed them.`,
  ].join('\n\n');
}
