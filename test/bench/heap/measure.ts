/** Part three: what Warren's data plane allocates while it carries traffic, by the probe in its own process. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { TestHost } from '../../support/netns.ts';
import { runOk } from '../../support/process.ts';
import { INNER, TUNNEL_MTU } from '../contender.ts';
import { wireGuardContender } from '../contenders/wireguard.ts';
import { tcpLoad, udpLoad, withTunnel } from '../tunnel.ts';
import { allocatedBytes, allocationSites, type Recording, type Site } from './recording.ts';

const ROOT = join(import.meta.dirname, '../../..');
/** Header of 16 bytes and tag of 16. */
const TRANSPORT_OVERHEAD = 32;

export interface HeapRow {
  load: string;
  /** The sending end seals, the receiving end opens. */
  end: 'seals' | 'opens';
  packets: number;
  /** Exact, and whatever allocated them. */
  bytes: number;
  collections: number;
  /** The longest pause of a collection, milliseconds. */
  longestPause: number;
  /** By the sampling profiler; the biggest first. */
  sites: Site[];
}

export interface HeapProfile {
  seconds: number;
  rows: HeapRow[];
}

export interface HeapLoad {
  name: string;
  /** Bytes of a datagram on the cable, by which packets are counted from WireGuard's own byte counters. */
  datagram: number;
  run: (from: TestHost, seconds: number) => Promise<unknown>;
}

/** An IP packet is padded to 16 bytes, but not beyond the MTU (section 5.4.6 of the paper). */
const datagramOf = (packet: number) => Math.min(Math.ceil(packet / 16) * 16, TUNNEL_MTU) + TRANSPORT_OVERHEAD;

export const HEAP_LOADS: readonly HeapLoad[] = [
  {
    name: 'none, but pings',
    datagram: datagramOf(84),
    run: (from, seconds) =>
      from.runOk('ping', ['-q', '-i', '0.1', '-w', String(seconds), INNER.b], { timeout: 60_000 }),
  },
  { name: 'UDP, 64 bytes', datagram: datagramOf(92), run: (from, seconds) => udpLoad(from, seconds, 64) },
  {
    name: 'UDP, 1300 bytes',
    datagram: datagramOf(1328),
    run: (from, seconds) => udpLoad(from, seconds, 1300),
  },
  { name: 'TCP, 1 stream', datagram: datagramOf(TUNNEL_MTU), run: (from, seconds) => tcpLoad(from, seconds) },
];

/** The idle tunnel first: what is allocated then is the price of looking. */
export async function heapProfile(
  version: string,
  seconds: number,
  loads: readonly HeapLoad[] = HEAP_LOADS,
): Promise<HeapProfile> {
  const rows: HeapRow[] = [];
  const folder = await runOk('mktemp', ['-d']).then((path) => path.trim());
  const devices: string[] = [];
  const socket = (side: number) => join(folder, `${side}.sock`);
  const contender = wireGuardContender({ name: 'Warren', version, kind: 'ours' }, (device, side) => {
    devices[side] = device;
    return {
      file: join(ROOT, 'bin/warren-node'),
      args: [
        ...['--import', join(import.meta.dirname, 'probe.ts'), join(ROOT, 'agent/main.ts')],
        ...['tunnel', device, '--workers', '1'],
      ],
      env: { WARREN_HEAP_PROBE: socket(side) },
    };
  });
  try {
    await withTunnel(contender, async ({ from, to }) => {
      const hosts = [from, to];
      const moved = () =>
        Promise.all(
          hosts.map(async (host, side) => {
            const said = await host.runOk('wg', ['show', devices[side]!, 'transfer']);
            const [, received, sent] = said.trim().split('\t').map(Number);
            return side === 0 ? sent! : received!;
          }),
        );
      const tell = async (verb: string) => {
        let done = false;
        const asked = Promise.all([0, 1].map((side) => ask(socket(side), verb))).finally(() => {
          done = true;
        });
        // A worker that sleeps in poll() hears the inspector only when something wakes it.
        while (!done) await from.run('ping', ['-c1', '-W1', INNER.b]);
        return asked;
      };
      for (const load of loads) {
        // A first time unrecorded: until the code is optimized, compilers and counters use the heap.
        await tell('start');
        await load.run(from, 2);
        await tell('stop');
        const before = await moved();
        await tell('start');
        await load.run(from, seconds);
        const recordings = (await tell('stop')) as Recording[];
        const after = await moved();
        for (const [side, recording] of recordings.entries()) {
          rows.push({
            load: load.name,
            end: side === 0 ? 'seals' : 'opens',
            packets: Math.round((after[side]! - before[side]!) / load.datagram),
            bytes: allocatedBytes(recording),
            collections: recording.collections.length,
            longestPause:
              Math.max(0, ...recording.collections.map(({ microseconds }) => microseconds)) / 1000,
            sites: allocationSites(recording, ROOT).slice(0, 10),
          });
        }
      }
    });
  } finally {
    await runOk('rm', ['-r', folder]);
  }
  return { seconds, rows };
}

/** Sends a verb to a probe. */
async function ask(path: string, verb: string): Promise<unknown> {
  const socket = connect(path);
  try {
    socket.write(`${verb}\n`);
    const [line] = await once(createInterface(socket), 'line', { signal: AbortSignal.timeout(20_000) });
    const { answer, error } = JSON.parse(line);
    if (error) throw new Error(`the probe in the agent: ${error}`);
    return answer;
  } finally {
    socket.destroy();
  }
}
