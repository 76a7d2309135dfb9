/**
 * A coordinator's admin page in this process, over a store with as many machines as one likes, and what their agents would tell of
 * their paths. The same names, roles and paths each time.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { accountServices } from '../../coordinator/admin/accounts/services.ts';
import { adminApp } from '../../coordinator/admin/app.ts';
import { type AdminServer, serveAdmin } from '../../coordinator/admin/serve-admin.ts';
import { MapFeed } from '../../coordinator/grpc/map-feed.ts';
import { Metrics } from '../../coordinator/metrics.ts';
import { openStore } from '../../coordinator/store/open.ts';
import type { Store } from '../../coordinator/store/store.ts';
import { type ReportingStream, Telemetry } from '../../coordinator/telemetry/telemetry.ts';
import { PathKind, type PeerPath } from '../../proto/gen/warren.ts';
import { systemClock } from '../../shared/clock.ts';
import { createLogger } from '../../shared/log.ts';
import { CHEAP } from './admin-api.ts';
import { aPath } from './mesh-view.ts';
import { aReport, CLI, joinNode } from './store.ts';

export interface FilledOptions {
  machines: number;
  /** Peers that each exchanged something with. */
  peers: number;
  /** Tags, given to machines in turn; those of no tag by ''. */
  tags: readonly string[];
  names?: readonly string[];
}

const RELAY = {
  id: 'coordinator-0',
  name: 'coordinator-0',
  urls: ['https://relay.example:8443'],
  tlsName: 'r',
  stunServers: [],
};
const NAME = 'ada';
const PASSPHRASE = 'nine blue teapots';

export class FilledMesh {
  readonly store: Store;
  readonly telemetry: Telemetry;
  readonly url: string;
  readonly ids: string[] = [];
  readonly #streams: ReportingStream[] = [];
  readonly #paths = new Map<number, Map<number, PeerPath>>();
  readonly #close: () => Promise<void>;

  private constructor(store: Store, telemetry: Telemetry, admin: AdminServer, close: () => Promise<void>) {
    this.store = store;
    this.telemetry = telemetry;
    this.url = admin.url;
    this.#close = close;
  }

  static async open(options: FilledOptions): Promise<FilledMesh> {
    const folder = mkdtempSync(join(tmpdir(), 'warren-filled-'));
    const log = createLogger('silent', 'test');
    const clock = systemClock;
    const store = await openStore({ dataDir: folder, initialise: {} });
    const services = accountServices({ store, clock, sealingKey: new Uint8Array(32).fill(7), cost: CHEAP });
    await store.accounts.createUser(
      {
        name: NAME,
        displayName: NAME,
        role: 'owner',
        passphraseHash: await services.passphrases.hash(PASSPHRASE),
      },
      { ...CLI, now: clock.wall(), userId: null },
    );
    await store.putRelay(RELAY, clock.wall());
    const ids = await fill(store, options);
    const nodes = await MapFeed.open(store, clock, log);
    const telemetry = new Telemetry(nodes, clock);
    const app = adminApp({
      ...services,
      store,
      clock,
      log,
      hostNames: [],
      trustedProxies: [],
      metrics: new Metrics(),
      backups: null,
      mesh: { nodes, telemetry },
      enrolment: () => null,
    });
    const admin = await serveAdmin(app, { host: '127.0.0.1', port: 0 });
    const mesh = new FilledMesh(store, telemetry, admin, async () => {
      await admin.close();
      telemetry.close();
      nodes.close();
      await store.close();
      rmSync(folder, { recursive: true, force: true });
    });
    mesh.ids.push(...ids);
    mesh.#connect(options);
    return mesh;
  }

  /** The first machines send something to their first peer, and both tell. */
  traffic(count: number, bytes: number): void {
    for (let i = 0; i < count; i++) {
      const [peer, path] = [...(this.#paths.get(i) ?? [])][0] ?? [];
      if (peer === undefined || path === undefined) continue;
      const more = {
        ...path,
        sentBytes: path.sentBytes + BigInt(bytes),
        latency: (path.latency ?? 1) * 1.01,
      };
      this.#paths.get(i)?.set(peer, more);
      this.#streams[i]?.report({ peers: [more] });
    }
  }

  /** The form of the sign-in page, for a browser. */
  readonly account = { name: NAME, passphrase: PASSPHRASE };

  close(): Promise<void> {
    return this.#close();
  }

  /** Every fifth machine is behind a hard NAT, and reaches half of its peers by relay. Both ends of a path tell of it. */
  #connect({ machines, peers }: FilledOptions): void {
    for (let i = 0; i < machines; i++) {
      for (let k = 1; k <= peers; k++) {
        const j = (i + k * k) % machines;
        if (j === i) continue;
        const isRelayed = (isHard(i) || isHard(j)) && ((isHard(i) && isHard(j)) || (i + j) % 2 === 0);
        const kind =
          isAway(i) || isAway(j)
            ? PathKind.PATH_KIND_UNSPECIFIED
            : isRelayed
              ? PathKind.PATH_KIND_RELAY
              : PathKind.PATH_KIND_DIRECT;
        const latency = 0.6 + ((Math.min(i, j) * 7 + Math.max(i, j) * 13) % 160);
        this.#tell(i, j, kind, latency);
        this.#tell(j, i, kind, latency);
      }
    }
    for (let i = 0; i < machines; i++) {
      const stream = this.telemetry.connect(this.ids[i] as string, () => {});
      this.#streams.push(stream);
      stream.report({
        peers: [...(this.#paths.get(i)?.values() ?? [])],
        nat: {
          mapping: isHard(i) ? 'address-and-port-dependent' : 'endpoint-independent',
          filtering: 'address-and-port-dependent',
        },
        relays: { relays: [{ relayId: RELAY.id, latency: 5 + (i % 30) }] },
      });
      if (isAway(i)) stream.end();
    }
  }

  #tell(i: number, j: number, kind: PathKind, latency: number): void {
    const isDirect = kind === PathKind.PATH_KIND_DIRECT;
    const paths = this.#paths.get(i) ?? new Map<number, PeerPath>();
    this.#paths.set(i, paths);
    if (paths.has(j)) return;
    paths.set(
      j,
      aPath(this.ids[j] as string, {
        kind,
        endpoint: isDirect ? `198.51.${j >> 8}.${j & 255}:51820` : '',
        latency: isDirect ? latency : undefined,
        reason: isDirect ? 'it was the first way to answer' : '2 addresses were tried, and none answered',
        sentBytes: BigInt((i * 7919 + j) % 90_000_000),
        receivedBytes: BigInt((j * 7919 + i) % 90_000_000),
      }),
    );
  }
}

const isHard = (i: number) => i % 5 === 1;
const isAway = (i: number) => i % 7 === 5;

async function fill(store: Store, { machines, tags, names = [] }: FilledOptions): Promise<string[]> {
  const now = systemClock.wall();
  const ids: string[] = [];
  for (let i = 0; i < machines; i++) {
    const isRouter = i % 9 === 2;
    const isExit = i % 23 === 3;
    const offers = { routes: isRouter ? [`10.${i >> 8}.${i & 255}.0/24`] : [], exitNode: isExit, tags: [] };
    const name = names[i] ?? `machine-${String(i).padStart(4, '0')}`;
    const { id } = await joinNode(store, { name, offers });
    ids.push(id);
    const endpoints = [`198.51.${i >> 8}.${i & 255}:51820`];
    await store.putReport(id, aReport({ endpoints, offers, homeRelay: RELAY.id }), now);
    const tag = tags[i % tags.length] ?? '';
    if (tag !== '') await store.setTags(id, [tag], now, CLI);
    for (const route of offers.routes) await store.approveRoute(id, route, true, now, CLI);
    if (isExit) await store.approveExitNode(id, true, now, CLI);
    if (!isAway(i)) await store.setOnline(id, 'test', true, now);
  }
  return ids;
}
