import { randomUUID } from 'node:crypto';
import { systemClock } from '../shared/clock.ts';
import { formatEndpoint } from '../shared/endpoint.ts';
import { parseIp } from '../shared/ip.ts';
import type { Logger } from '../shared/log.ts';
import type { Prefix } from '../shared/prefix.ts';
import { asCalled } from '../shared/program-name.ts';
import { systemRandom } from '../shared/random.ts';
import { firstRunLink, localLink } from './admin/accounts/links.ts';
import { loadSealingKey } from './admin/accounts/sealer.ts';
import { accountServices } from './admin/accounts/services.ts';
import type { Tickets } from './admin/accounts/tickets.ts';
import { unreadableSecondFactors } from './admin/accounts/unreadable-factors.ts';
import { adminApp } from './admin/app.ts';
import { refuseSecondCoordinator, serveLinks } from './admin/link-socket.ts';
import type { ProviderConfig } from './admin/oidc/config.ts';
import { serveAdmin } from './admin/serve-admin.ts';
import { Backups } from './backups.ts';
import { Fellows } from './fellows/fellows.ts';
import { ListedRelay } from './fellows/listed-relay.ts';
import { serveGrpc } from './grpc/server.ts';
import { Housekeeping } from './housekeeping.ts';
import { instanceName } from './instance.ts';
import { measuredStore } from './measured-store.ts';
import { Metrics } from './metrics.ts';
import { loadAuthority, loadProofKey } from './pki/secrets.ts';
import { isOwnRelayId, ownRelay, relayRates } from './relay/own-relay.ts';
import { openStore } from './store/open.ts';
import { ensurePrivateFolder } from './store/private-folder.ts';
import type { Store } from './store/store.ts';
import { type StunOptions, serveStun } from './stun/serve-stun.ts';
import { derivedUrls, withOtherCoordinators, writeUrls } from './urls.ts';

const SIGNALS = ['SIGTERM', 'SIGINT'] as const;
const RESTART = 'restart';
/** Until whoever asked for it has been answered, milliseconds. */
const RESTART_DELAY = 200;

export interface CoordinatorOptions {
  dataFolder: string;
  database: string | undefined;
  listen: { host: string; port: number };
  admin: { host: string; port: number };
  /** `https://HOST` under which browsers reach the page; as it listens where not given. */
  adminUrl: string | undefined;
  trustedProxies: readonly Prefix[];
  /** OpenID Connect providers. */
  providers: readonly ProviderConfig[];
  stun: Pick<StunOptions, 'listen' | 'alternatePort' | 'isPublic'>;
  /** What each node may send by this coordinator's relay, megabits a second. */
  relayMbits: number;
  /** Derived from `listen` where not given. */
  urls: readonly string[] | undefined;
  /** CIDR of a new network; the one stored counts otherwise. */
  network: string | undefined;
  /** HOST:PORT, for people. */
  name: string;
  log: Logger;
}

/**
 * The coordinator from start to SIGTERM or SIGINT, and then false; or true when it has to start anew, from a backup that was
 * restored. Parts start in the order of their dependence and end in reverse.
 */
export async function runCoordinator(options: CoordinatorOptions): Promise<boolean> {
  const { dataFolder, log } = options;
  const clock = systemClock;
  const { promise: stopped, resolve: stop, reject: fail } = Promise.withResolvers<string>();
  // Told once all parts have started.
  stopped.catch(() => {});
  for (const signal of SIGNALS) process.on(signal, stop);
  const closers: (() => Promise<void>)[] = [];
  try {
    await refuseSecondCoordinator(dataFolder);
    const metrics = new Metrics();
    const opened = await openStore({
      dataDir: dataFolder,
      ...(options.database === undefined ? {} : { database: options.database }),
      initialise: options.network === undefined ? {} : { prefix4: options.network },
    });
    closers.push(() => opened.close());
    const store = measuredStore(opened, metrics);
    const isAlone = options.database === undefined;
    if (!isAlone) ensurePrivateFolder(dataFolder);
    const instance = isAlone ? options.name : instanceName(dataFolder, options.name);
    await store.clearOnline(instance, clock.wall());
    const authority = await loadAuthority(store);
    const proofKey = await loadProofKey(store);

    const stun = await serveStun({ ...options.stun, clock, log });
    closers.push(() => stun.close());
    const context = {
      store,
      authority,
      proofKey,
      clock,
      log,
      instance,
      relayRates: relayRates(options.relayMbits),
    };
    const grpc = await serveGrpc(context, options.listen);
    closers.push(() => grpc.close());
    if (!isAlone) {
      const fellows = await Fellows.join({
        ...{ store, telemetry: grpc.telemetry, clock, log, instance, run: randomUUID() },
        onForgotten: () => grpc.tellPresence(),
        onOutdated: fail,
      });
      closers.push(() => fellows.close());
    }
    metrics.watch({
      nodes: () => grpc.feed.nodes(),
      mapVersion: () => grpc.feed.version,
      streams: () => grpc.streams(),
      relayClients: () => grpc.switchboard.size,
      relay: grpc.switchboard.counters,
      stun: stun.counters,
      now: () => clock.wall(),
    });

    const services = accountServices({
      store,
      clock,
      sealingKey: loadSealingKey(dataFolder),
      providers: await oidcProviders(options.providers),
    });
    const unreadable = await unreadableSecondFactors(store, services.sealer);
    if (unreadable.length > 0) {
      log.warn(
        { users: unreadable },
        'second factors were sealed with another accounts.key than that of this folder: put the right one there, or these users need recovery codes',
      );
    }
    let adminUrl = options.adminUrl ?? '';
    let urls: readonly string[] = [];
    const { tickets } = services;
    const links = await serveLinks(dataFolder, (wanted) =>
      localLink({ store, tickets, base: adminUrl, now: clock.wall() }, wanted),
    );
    closers.push(() => links.close());
    const app = adminApp({
      ...services,
      store,
      clock,
      log,
      hostNames: [
        options.admin.host,
        ...(options.adminUrl === undefined ? [] : [new URL(options.adminUrl).hostname]),
      ],
      trustedProxies: options.trustedProxies,
      mesh: { nodes: grpc.feed, telemetry: grpc.telemetry },
      metrics,
      backups: isAlone
        ? {
            files: new Backups(dataFolder, store, clock, systemRandom),
            restart: () => setTimeout(stop, RESTART_DELAY, RESTART),
          }
        : null,
      enrolment: () =>
        urls.length === 0
          ? null
          : { urls: withOtherCoordinators(urls, grpc.feed.network.relays), pin: authority.pin },
    });
    const admin = await serveAdmin(app, options.admin, options.trustedProxies);
    if (adminUrl === '') adminUrl = admin.url;
    closers.push(() => admin.close());

    const housekeeping = new Housekeeping(store, clock, log);
    closers.push(async () => housekeeping.close());

    urls = options.urls ?? derivedUrls(options.listen.host, grpc.port);
    writeUrls(dataFolder, urls);
    const relay = ownRelay({ instance, name: options.name }, urls, stun.addresses);
    await store.putRelay(relay, clock.wall());
    if (!isAlone) {
      const listed = new ListedRelay(store, instance, relay, clock, log);
      closers.push(async () => listed.close());
    }
    // A coordinator with a database of its own is the only one: what it was under another name or port is gone.
    for (const { id } of isAlone ? await store.listRelays() : []) {
      if (!isOwnRelayId(id) || id === relay.id) continue;
      await store.removeRelay(id, clock.wall(), { actor: 'system', source: 'moved' });
    }
    process.stdout.write(
      [
        'coordinator ready',
        `  agents:  ${urls.join(' ')}`,
        `  stun:    ${stun.addresses.map(({ host, port, alternatePort }) => `${address(host, port)} and ${alternatePort}`).join(', ')}`,
        `  admin:   ${adminUrl}`,
        ...(await firstRun(store, tickets, adminUrl, dataFolder)),
        '',
      ].join('\n'),
    );
    const signal = await stopped;
    log.info({ signal }, 'stopping');
    return signal === RESTART;
  } finally {
    for (const signal of SIGNALS) process.off(signal, stop);
    for (const close of closers.reverse()) {
      await close().catch((error: unknown) => log.error({ err: error }, 'a part did not stop cleanly'));
    }
  }
}

/** While nobody can sign in as an owner: the link for making the first account. */
async function firstRun(store: Store, tickets: Tickets, base: string, dataFolder: string): Promise<string[]> {
  if (await store.accounts.hasOwner()) return [];
  return [
    `  sign in: ${await firstRunLink(tickets, base)} (for the first account; good once, within an hour; another: ${asCalled('bin/coordinator')} admin link --data ${dataFolder})`,
  ];
}

function address(host: string, port: number): string {
  const bytes = parseIp(host);
  return bytes === null ? `${host}:${port}` : formatEndpoint({ address: bytes, port });
}

/** Without their libraries where there are none. */
async function oidcProviders(configs: readonly ProviderConfig[]) {
  if (configs.length === 0) return [];
  const { OidcProvider } = await import('./admin/oidc/provider.ts');
  return configs.map((config) => new OidcProvider(config));
}
