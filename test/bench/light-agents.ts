/**
 * Many agents in one process, as a coordinator sees them: each joins, keeps its stream open, reports an endpoint and beats every five
 * seconds. Beside them the real coordinator over TLS, on this machine.
 */
import { readFileSync, rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { coordinatorClient } from '../../agent/control/connect.ts';
import { enrol } from '../../agent/control/enrol.ts';
import type { SyncResponse } from '../../proto/gen/warren.ts';
import { parseJoinToken } from '../../shared/join-token.ts';
import { keyToBase64 } from '../../shared/key.ts';
import { x25519KeyPair } from '../../shared/key-proof.ts';
import { NEWEST_PROTOCOL_VERSION, VERSION } from '../../shared/version.ts';
import { COORDINATOR } from '../support/mesh.ts';
import { Child, runOk } from '../support/process.ts';

const HEARTBEAT = 5_000;
/** USER_HZ of proc(5). */
const TICKS = 100;

/** What an agent is told by its stream. */
export type Message = NonNullable<SyncResponse['message']>;

export class BenchCoordinator {
  readonly data: string;
  readonly #folder: string;
  readonly #serve: Child;
  readonly #beats: NodeJS.Timeout[] = [];
  readonly #lost = new Map<number, string>();

  private constructor(folder: string) {
    this.#folder = folder;
    this.data = join(folder, 'coordinator');
    const flags = ['--listen', '127.0.0.1:18443', '--admin', '127.0.0.1:18080', '--stun', '127.0.0.1:13478'];
    this.#serve = new Child(COORDINATOR, ['serve', '--data', this.data, '--log-level', 'error', ...flags]);
  }

  static async start(): Promise<BenchCoordinator> {
    const coordinator = new BenchCoordinator(await mkdtemp(join(tmpdir(), 'warren-many-')));
    await coordinator.#serve.waitForOutput(/coordinator ready/, 60_000);
    return coordinator;
  }

  /** Agents whose stream ended, and why: on a busy machine some are silent for too long. */
  get lost(): ReadonlyMap<number, string> {
    return this.#lost;
  }

  get pid(): number {
    return this.#serve.pid as number;
  }

  processorSeconds(): number {
    const fields = readFileSync(`/proc/${this.pid}/stat`, 'latin1').split(') ')[1]?.split(' ') ?? [];
    return (Number(fields[11]) + Number(fields[12])) / TICKS;
  }

  /** Runs a verb on its folder. */
  run(...args: string[]): Promise<string> {
    return runOk(COORDINATOR, [...args, '--data', this.data]);
  }

  /** A few at a time, as hosts are added. `hear` is called with all that each is told, and the time it came. */
  async join(
    count: number,
    tokenOf: (n: number) => string,
    hear: (n: number, message: Message, at: number) => void,
  ): Promise<void> {
    for (let n = 0; n < count; n += 4) {
      const some = Array.from({ length: Math.min(4, count - n) }, (_, i) => n + i);
      await Promise.all(some.map((each) => this.#agent(each, tokenOf(each), hear)));
    }
  }

  async #agent(
    n: number,
    token: string,
    hear: (n: number, message: Message, at: number) => void,
  ): Promise<void> {
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
      stream.on('error', (error) => {
        this.#lost.set(n, error.message);
        reject(error);
      });
      stream.on('data', ({ message }: SyncResponse) => {
        if (message !== undefined) hear(n, message, performance.now());
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
    this.#beats.push(
      setInterval(
        () =>
          this.#lost.has(n) ||
          stream.write({ message: { $case: 'heartbeat', value: { sequence: ++sequence } } }),
        HEARTBEAT,
      ),
    );
  }

  async end(): Promise<void> {
    for (const beat of this.#beats) clearInterval(beat);
    await this.#serve.end('SIGTERM', 20_000);
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
