/** Part three: what Warren's data plane allocates while it carries traffic, by the probe in its own process. */
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { TestHost } from '../../support/netns.ts';
import { INNER, TUNNEL_MTU } from '../contender.ts';
import { wireGuardContender } from '../contenders/wireguard.ts';
import { type LoadEnds, tcpLoad, udpLoad, withTunnel } from '../tunnel.ts';
import { allocatedBytes, allocationSites, type Recording, type Site } from './recording.ts';

const ROOT = join(import.meta.dirname, '../../..');
/** Header of 16 bytes and tag of 16. */
const TRANSPORT_OVERHEAD = 32;

export interface HeapRow {
  load: string;
  workers: number;
  /** The sending end seals, the receiving end opens. */
  end: 'seals' | 'opens';
  packets: number;
  /** Of all workers; exact, and whatever allocated them. */
  bytes: number;
  collections: number;
  /** The longest pause of a collection, milliseconds. */
  longestPause: number;
  /** By the sampling profiler; the biggest first. */
  sites: Site[];
}

export interface HeapProfile {
  /** Of each load. */
  seconds: number;
  rows: HeapRow[];
}

export interface HeapLoad {
  name: string;
  /** Bytes of a datagram on the cable, by which packets are counted from WireGuard's own byte counters. */
  datagram: number;
  run: (from: LoadEnds, seconds: number) => Promise<unknown>;
}

/** An IP packet is padded to 16 bytes, but not beyond the MTU (section 5.4.6 of the paper). */
const datagramOf = (packet: number) => Math.min(Math.ceil(packet / 16) * 16, TUNNEL_MTU) + TRANSPORT_OVERHEAD;

const stream = (count: number): HeapLoad => ({
  name: count === 1 ? 'TCP, 1 stream' : `TCP, ${count} streams`,
  datagram: datagramOf(TUNNEL_MTU),
  run: (from, seconds) => tcpLoad(from, seconds, '--parallel', String(count)),
});
const datagrams = (bytes: number): HeapLoad => ({
  name: `UDP, ${bytes} bytes`,
  datagram: datagramOf(20 + 8 + bytes),
  run: (from, seconds) => udpLoad(from, seconds, bytes),
});

/** For one worker. The idle tunnel first: what is allocated then is the price of looking. */
export const HEAP_LOADS: readonly HeapLoad[] = [
  {
    name: 'none, but pings',
    datagram: datagramOf(84),
    run: (from, seconds) =>
      from.host.runOk('ping', ['-q', '-i', '0.1', '-w', String(seconds), from.target], { timeout: 60_000 }),
  },
  datagrams(64),
  datagrams(1300),
  stream(1),
];
/** For two: of one flow, one worker would have all the work. */
export const HEAP_LOADS_PARALLEL: readonly HeapLoad[] = [stream(4)];

/** What every load makes the workers of both ends allocate. */
export async function heapProfile(
  version: string,
  seconds: number,
  workers: number,
  loads: readonly HeapLoad[],
): Promise<HeapRow[]> {
  const rows: HeapRow[] = [];
  const folder = await mkdtemp(join(tmpdir(), 'warren-heap-'));
  const devices: string[] = [];
  const socket = (side: number) => join(folder, `${side}.sock`);
  const contender = wireGuardContender({ name: 'Warren', version, kind: 'ours' }, (device, side) => {
    devices[side] = device;
    return {
      file: join(ROOT, 'bin/warren-node'),
      args: [
        ...['--import', join(import.meta.dirname, 'probe.ts'), join(ROOT, 'agent/main.ts')],
        ...['tunnel', device, '--workers', String(workers)],
      ],
      env: { WARREN_HEAP_PROBE: socket(side) },
    };
  });
  try {
    await withTunnel(contender, async ({ from, to }) => {
      const hosts = [from.host, to];
      /** Bytes that the one end sent, and the other received. */
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
        const asked = Promise.all([0, 1].map((side) => ask(socket(side), verb)));
        const ended = () => {
          done = true;
        };
        asked.then(ended, ended);
        while (!done) await Promise.all([wakeWorkers(from.host, INNER.b), wakeWorkers(to, INNER.a)]);
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
        const ends = (await tell('stop')) as Recording[][];
        const after = await moved();
        for (const [side, recordings] of ends.entries()) {
          if (recordings.length !== workers)
            throw new Error(`the probe saw ${recordings.length} workers of ${workers}`);
          const collections = recordings.flatMap((recording) => recording.collections);
          rows.push({
            ...{ load: load.name, workers, end: side === 0 ? 'seals' : 'opens' },
            packets: Math.round((after[side]! - before[side]!) / load.datagram),
            bytes: recordings.reduce((sum, recording) => sum + allocatedBytes(recording), 0),
            collections: collections.length,
            longestPause: Math.max(0, ...collections.map(({ microseconds }) => microseconds)) / 1000,
            sites: allocationSites(recordings, ROOT).slice(0, 10),
          });
        }
      }
    });
  } finally {
    await rm(folder, { recursive: true });
  }
  return rows;
}

/**
 * A worker that sleeps in poll() hears the inspector only when something wakes it: new flows do, which the kernel spreads
 * over the workers of the host where they begin.
 */
async function wakeWorkers(host: TestHost, far: string): Promise<void> {
  const datagrams = `for i in {1..16}; do echo > /dev/udp/${far}/$((20000 + RANDOM % 20000)); done`;
  await host.run('bash', ['-c', datagrams]); // the port is closed, and bash may complain of that
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
