/** Entry of the thread of a further worker of a tunnel; driver.ts starts it and speaks with it by follower-link.ts. */
import { workerData } from 'node:worker_threads';
import { monotonicNow } from '../../tunnel/monotonic.ts';
import { Follower } from '../../wireguard/follower.ts';
import type { FollowerReport } from '../../wireguard/follower-updates.ts';
import { linuxCipher } from './aead.ts';
import { FirstWorkerLink, type FollowerStart } from './follower-link.ts';
import { PacketLoop } from './loop.ts';
import { nativeBuffer } from './memory.ts';
import { UdpSocket } from './udp.ts';
import type { SocketFacts } from './udp-open.ts';

const start = workerData as FollowerStart;
const loop = new PacketLoop(start.tun, start.worker);

function useSockets(sockets: SocketFacts[]): void {
  loop.four?.close();
  loop.six?.close();
  loop.four = null;
  loop.six = null;
  for (const facts of sockets) {
    const socket = UdpSocket.adopt(facts, loop.udpCounters);
    if (facts.family === 4) loop.four = socket;
    else loop.six = socket;
  }
}

let reported = '{}';
function report(next: FollowerReport): void {
  link.report(next);
  if (next.kind !== 'activity') return;
  const counts = loop.counters();
  const text = JSON.stringify(counts);
  if (text === reported) return;
  reported = text;
  link.report({ kind: 'counters', counts });
}

const link: FirstWorkerLink = new FirstWorkerLink(start, (update) => follower.apply(update), useSockets);
const follower: Follower = new Follower({
  worker: start.worker,
  mtu: start.mtu,
  createBuffer: nativeBuffer,
  packet: (buffer, offset, length) => loop.writePacket(buffer, offset, length),
  now: monotonicNow,
  // What is to be told of it, the first worker has told.
  createCipher: (await linuxCipher([])).create,
  report,
  mayHandOver: () => link.mayHandOver(),
  takeUpdates: () => link.takeUpdates(),
});

try {
  loop.addWakeup(link);
  await loop.run(follower, () => {});
} catch (error) {
  link.report({ kind: 'failed', reason: String(error) });
} finally {
  follower.close();
  useSockets([]);
  link.ended();
}
