/**
 * Floods the way between a tunnel's thread and the main one from either end: `relay-flood.ts IFNAME IFNAME`, in a network
 * namespace of its own. The first tunnel reaches the second by relay alone, and this thread is the relay between them. Prints
 * one line of JSON: see Flood.
 */
import { execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { Worker } from 'node:worker_threads';
import type { DriverName, TunnelNews } from '../../agent/tunnel/commands.ts';
import { Tunnel } from '../../agent/tunnel/tunnel.ts';
import { parsePrefix } from '../../shared/prefix.ts';

/** Of one direction: bytes, but `dropped`, which is datagrams. */
export interface Flood {
  offered: number;
  /** Came to the other thread. */
  arrived: number;
  dropped: number;
  /** By how much the memory of the process grew. */
  grown: number;
}

const DATAGRAM = 1200;
const BURST = 64;
const BURSTS = 500;

/**
 * Sends datagrams into the tunnel while the main thread sleeps, no faster than a busy machine's worker reads them, and says in the
 * cell when it is there (1) and when all are sent (2).
 */
const SENDER = `
  const { createSocket } = require('node:dgram');
  const { workerData } = require('node:worker_threads');
  const cell = new Int32Array(workerData.memory);
  const tell = (state) => {
    Atomics.store(cell, 0, state);
    Atomics.notify(cell, 0);
  };
  const socket = createSocket('udp4');
  socket.connect(9, workerData.address, () => {
    tell(1);
    const bytes = new Uint8Array(${DATAGRAM});
    const burst = (left) => {
      if (left === 0) return void socket.close(() => tell(2));
      let waiting = ${BURST};
      const sent = () => {
        if (--waiting === 0) setTimeout(burst, 1, left - 1);
      };
      for (let i = 0; i < ${BURST}; i++) socket.send(bytes, sent);
    };
    burst(${BURSTS});
  });`;

interface End {
  tunnel: Tunnel;
  privateKey: Uint8Array;
  publicKey: Uint8Array;
  address: string;
}

async function openEnd(
  driver: DriverName,
  interfaceName: string,
  address: string,
  news: (news: TunnelNews) => void,
): Promise<End> {
  const tunnel = await Tunnel.open({ driver, interfaceName, mtu: 1420, workers: 1, findsPaths: true }, news);
  const key = generateKeyPairSync('x25519').privateKey.export({ format: 'jwk' });
  const bytes = (text: string | undefined) => new Uint8Array(Buffer.from(text ?? '', 'base64url'));
  return { tunnel, privateKey: bytes(key.d), publicKey: bytes(key.x), address };
}

async function connect(end: End, peer: End): Promise<void> {
  const allowedIps = [
    { prefix: parsePrefix(`${peer.address}/32`) as NonNullable<ReturnType<typeof parsePrefix>> },
  ];
  await end.tunnel.configure({
    privateKey: end.privateKey.slice(),
    peers: [{ publicKey: peer.publicKey, allowedIps }],
  });
  await end.tunnel.setPaths({ relayIsUp: true, peers: [{ publicKey: peer.publicKey, candidates: [] }] });
}

const memory = () => process.memoryUsage.rss();
const counter = async ({ tunnel }: End, name: string) => (await tunnel.snapshot()).device.counters[name] ?? 0;

/** From the worker, to this thread while it is busy with something else. */
async function floodOut(from: End, to: End, arrived: () => number): Promise<Flood> {
  const cell = new Int32Array(new SharedArrayBuffer(4));
  const before = { arrived: arrived(), sent: await sentTo() };
  const sender = new Worker(SENDER, {
    eval: true,
    workerData: { memory: cell.buffer, address: to.address },
  });
  Atomics.wait(cell, 0, 0);
  const memoryBefore = memory();
  Atomics.wait(cell, 0, 1);
  const grown = memory() - memoryBefore;
  // The reply comes after all that was posted before it.
  const offered = (await sentTo()) - before.sent;
  await sender.terminate();
  return {
    offered,
    arrived: arrived() - before.arrived,
    dropped: await counter(from, 'relay-backlog-out'),
    grown,
  };

  async function sentTo(): Promise<number> {
    return (await from.tunnel.snapshot()).device.peers[0]?.txBytes ?? 0;
  }
}

/** To the worker, which has more to do with a message of many short datagrams than this thread has with posting it. */
async function floodIn(to: End, from: End): Promise<Flood> {
  const batch = new Uint8Array(64 << 10);
  // Transport data of a session that there is not.
  for (let at = 0; at < batch.length; at += 32) batch[at] = 4;
  const before = memory();
  const messages = 4_000;
  for (let i = 0; i < messages; i++) to.tunnel.relayed(from.publicKey, batch, 32);
  const grown = memory() - before;
  const dropped = await counter(to, 'relay-backlog-in');
  const offered = messages * batch.length;
  return { offered, arrived: offered - dropped * 32, dropped, grown };
}

const [driver, first = '', second = ''] = process.argv.slice(2);
let bytes = 0;
const ends: [End, End] = [
  await openEnd(driver as DriverName, first, '10.9.0.1', (news) => {
    if (news.event !== 'relay') return;
    bytes += news.bytes.length;
    ends[1].tunnel.relayed(ends[0].publicKey, news.bytes, news.segmentSize);
  }),
  await openEnd(driver as DriverName, second, '10.9.1.1', (news) => {
    if (news.event === 'relay') ends[0].tunnel.relayed(ends[1].publicKey, news.bytes, news.segmentSize);
  }),
];
const [a, b] = ends;
const ip = (...words: string[]) => execFileSync('ip', words);
ip('address', 'add', '10.9.0.1/32', 'dev', first);
for (const device of [first, second]) ip('link', 'set', device, 'up');
ip('route', 'add', '10.9.1.1/32', 'dev', first);
await connect(a, b);
await connect(b, a);
// The first packet has both make a session.
const { createSocket } = await import('node:dgram');
const socket = createSocket('udp4');
socket.send('hello', 9, b.address);
while ((await a.tunnel.snapshot()).device.peers[0]?.lastHandshake === 0) {
  await new Promise((resolve) => setTimeout(resolve, 10));
}
socket.close();
const out = await floodOut(a, b, () => bytes);
const into = await floodIn(b, a);
process.stdout.write(`${JSON.stringify({ out, in: into })}\n`);
await Promise.all(ends.map(({ tunnel }) => tunnel.close()));
