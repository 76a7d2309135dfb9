/**
 * What a coordinator needs for many agents: `bin/warren-node test/bench/many-agents.ts 400`. The real coordinator over TLS on this
 * machine; of agents only what it sees of them: each joins, keeps its stream open, reports an endpoint and beats every five seconds.
 * Prints memory and processor time of the coordinator, which docs/deploying.md has for sizing.
 */
import { readFileSync, rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { coordinatorClient } from '../../agent/control/connect.ts';
import { enrol } from '../../agent/control/enrol.ts';
import type { SyncResponse } from '../../proto/gen/warren.ts';
import { parseJoinToken } from '../../shared/join-token.ts';
import { keyToBase64 } from '../../shared/key.ts';
import { x25519KeyPair } from '../../shared/key-proof.ts';
import { NEWEST_PROTOCOL_VERSION, VERSION } from '../../shared/version.ts';
import { residentMemory } from '../support/memory.ts';
import { COORDINATOR } from '../support/mesh.ts';
import { Child, runOk } from '../support/process.ts';

const HEARTBEAT = 5_000;
const QUIET = 30_000;
/** USER_HZ of proc(5). */
const TICKS = 100;

const count = Number(process.argv[2] ?? 400);
const folder = await mkdtemp(join(tmpdir(), 'warren-many-'));
const data = join(folder, 'coordinator');
const flags = ['--listen', '127.0.0.1:18443', '--admin', '127.0.0.1:18080', '--stun', '127.0.0.1:13478'];
const serve = new Child(COORDINATOR, ['serve', '--data', data, '--log-level', 'error', ...flags]);
const pid = serve.pid as number;
const processorSeconds = () => {
  const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) / TICKS;
};
const say = (what: string, seconds: number) => {
  const { now, own } = residentMemory(pid);
  console.log(
    `${what}: ${now.toFixed(0)} MiB (${own.toFixed(0)} its own), ${seconds.toFixed(1)} s of processor time`,
  );
};

/** Changes, of all agents together. */
let heard = 0;
const beats: NodeJS.Timeout[] = [];

/** One agent, as the coordinator sees it. */
async function agent(n: number, token: string): Promise<void> {
  const identity = await enrol({
    token: parseJoinToken(token),
    name: `host-${n}`,
    advertiseRoutes: [],
    mappings: [],
    advertiseExitNode: false,
    privateKey: keyToBase64((await x25519KeyPair()).privateKey),
    progress: () => {},
  });
  const client = coordinatorClient(
    identity.urls[0] as string,
    Buffer.from(identity.caCertificate, 'base64'),
    {
      certificate: Buffer.from(identity.certificate, 'base64'),
      privateKey: identity.certificateKey,
    },
  );
  const stream = client.sync();
  await new Promise<void>((resolve, reject) => {
    stream.on('error', reject);
    stream.on('data', ({ message }: SyncResponse) => {
      if (message?.$case === 'delta') heard++;
      resolve();
    });
    const host = { operatingSystem: 'linux', agentVersion: VERSION };
    const hello = { protocolVersion: NEWEST_PROTOCOL_VERSION, host, mapEpoch: '', mapVersion: 0n };
    stream.write({ message: { $case: 'hello', value: hello } });
    const endpoints = [`192.0.2.${n % 250}:${10_000 + n}`];
    const offers = { routes: [], exitNode: false, tags: [], mappings: [] };
    const report = { endpoints, listenPort: 51820, offers, segments: [] };
    stream.write({ message: { $case: 'report', value: report } });
  });
  let sequence = 0n;
  beats.push(
    setInterval(
      () => stream.write({ message: { $case: 'heartbeat', value: { sequence: ++sequence } } }),
      HEARTBEAT,
    ),
  );
}

try {
  await serve.waitForOutput(/coordinator ready/, 60_000);
  say('started', processorSeconds());
  const token = await runOk(COORDINATOR, ['token', 'create', '--reusable', '--data', data]);
  const before = processorSeconds();
  // A few at a time, as hosts are added.
  for (let n = 0; n < count; n += 4) {
    await Promise.all(Array.from({ length: Math.min(4, count - n) }, (_, i) => agent(n + i, token.trim())));
  }
  say(`${count} agents joined`, processorSeconds() - before);
  const quiet = processorSeconds();
  await sleep(QUIET);
  say(`${QUIET / 1000} quiet seconds with ${count} agents`, processorSeconds() - quiet);
  const [change, told] = [processorSeconds(), heard];
  await runOk(COORDINATOR, ['nodes', 'rename', 'host-1', 'renamed', '--data', data]);
  while (heard < told + count - 1) await sleep(50);
  say('one change that all are told of', processorSeconds() - change);
} finally {
  for (const beat of beats) clearInterval(beat);
  await serve.end('SIGTERM', 20_000);
  rmSync(folder, { recursive: true, force: true });
}
process.exit(0);
