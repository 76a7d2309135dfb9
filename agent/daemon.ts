import { setTimeout as sleep } from 'node:timers/promises';
import type { Self } from '../proto/gen/warren.ts';
import { type Clock, systemClock } from '../shared/clock.ts';
import { describeError, WarrenError } from '../shared/errors.ts';
import { keyFromBase64, wipe } from '../shared/key.ts';
import type { Logger } from '../shared/log.ts';
import { CoordinatorClock } from './control/coordinator-clock.ts';
import type { SyncClient } from './control/sync-client.ts';
import { DeviceEndpoints } from './device-endpoints.ts';
import { ExitKeeper } from './exit-keeper.ts';
import { FlowTracking } from './flows/flow-tracking.ts';
import { ExitUse } from './host/exit-use.ts';
import { Firewall, type FirewallStatus } from './host/firewall.ts';
import { Forwarding } from './host/forwarding.ts';
import type { HostFeature } from './host/host-feature.ts';
import { checkPrivileges } from './host/privileges.ts';
import { SegmentDevices } from './host/segment-devices.ts';
import { releaseStartupPages, releasingStartupPages } from './host/startup-pages.ts';
import { LocalAnswers } from './local-answers.ts';
import { serveLocalApi } from './local-api/server.ts';
import { NO_CARRIERS } from './mesh/carriers-in-use.ts';
import { coordinatorUrls } from './mesh/coordinator-urls.ts';
import { checkMap, type NetworkMap } from './mesh/network-map.ts';
import { OUTSIDE_MARK } from './mesh/outside-flows.ts';
import { serversOf, withKnownAddresses } from './mesh/servers.ts';
import { NameService } from './names/name-service.ts';
import { NetworkWatch } from './network-watch.ts';
import { openTunnel } from './open-tunnel.ts';
import { OutsideHosts } from './outside-hosts.ts';
import { type EndpointReport, OwnEndpointsKeeper } from './own-endpoints-keeper.ts';
import { PathKeeper } from './path-keeper.ts';
import type { PathReporter } from './path-reporter.ts';
import type { PortMapper } from './port-mapping/port-mapper.ts';
import { Reconciler } from './reconciler.ts';
import type { RelayKeeper } from './relay-keeper.ts';
import { RouterKeeper } from './router-keeper.ts';
import type { Identity, Settings } from './state/records.ts';
import type { State } from './state/state.ts';
import { TimestampKeeper } from './timestamp-keeper.ts';
import type { TunnelFacts, TunnelNews } from './tunnel/commands.ts';
import type { Tunnel } from './tunnel/tunnel.ts';

/** How long an ephemeral node that is stopped may take to tell the coordinator, milliseconds: less than who stops it waits. */
const FAREWELL = 3_000;
/** How often it is looked whether the host's rules still stand, milliseconds. */
const RULES_INTERVAL = 10_000;
/** Batches of datagrams that wait for the relays' code: handshakes, invitations, and the packets right after. */
const MAX_BEFORE_RELAYS = 32;

type RelayNews = Extract<TunnelNews, { event: 'relay' }>;

/** How the agent ended: asked to, having left the network, or because it can do nothing more. */
export type DaemonEnd = { kind: 'stopped' } | { kind: 'left' } | { kind: 'failed'; error: WarrenError };

/**
 * A member of the mesh at work: wires tunnel, host, map and coordinator together. Every change, from whichever side, leads to
 * one thing: bring this host from what was applied to what the map wants. That needs no coordinator.
 */
export class Daemon {
  /** Settles when the agent has ended and nothing of it is left on the host. */
  readonly ended: Promise<DaemonEnd>;
  readonly #state: State;
  #settings: Settings;
  readonly #clock: Clock = systemClock;
  readonly #log: Logger;
  readonly #onUp: (facts: TunnelFacts, listenPort: number) => void;
  readonly #onNotices: (before: readonly string[], now: readonly string[]) => void;
  readonly #end = Promise.withResolvers<DaemonEnd>();
  readonly #closers: (() => Promise<void> | void)[] = [];
  #identity: Identity;
  #tunnel: Tunnel | null = null;
  #reconciler: Reconciler | null = null;
  readonly #routers: RouterKeeper;
  readonly #outside = new OutsideHosts({
    interfaceName: () => this.#tunnel?.facts.interfaceName ?? this.#settings.interfaceName,
    coordinatorUrls: () => coordinatorUrls(this.#identity.urls, this.#map),
    knownAddresses: (name) => this.#names?.knownAddresses(name) ?? [],
    resolvers: () => this.#names?.hostResolvers() ?? [],
    map: () => this.#map,
    onMore: () => void this.#reconciler?.again().catch(() => {}),
  });
  #paths: PathKeeper | null = null;
  #relays: RelayKeeper | null = null;
  #devices: DeviceEndpoints | null = null;
  /** What is for them, the latest of it, while their code is not loaded: a lost handshake would be sent again after 5 s. */
  readonly #beforeRelays: RelayNews[] = [];
  #sync: SyncClient | null = null;
  #pathReporter: PathReporter | null = null;
  #portMapper: PortMapper | null = null;
  #flowTracking: FlowTracking | null = null;
  #firewall: Firewall | null = null;
  #forwarding: Forwarding | null = null;
  #names: NameService | null = null;
  #exitUse: ExitUse | null = null;
  #map: NetworkMap | null = null;
  /** Of this run: a saved map's were told by an earlier one. */
  #toldNotices: readonly string[] = [];
  readonly #coordinatorClock = new CoordinatorClock(this.#clock);
  readonly #endpoints: OwnEndpointsKeeper;
  readonly #exit: ExitKeeper;
  readonly #answers: LocalAnswers;
  readonly #network = new NetworkWatch(() => this.#lookAtNetwork());
  #listenPort = 0;
  #isUp = false;
  /** The coordinator is being told that this node leaves: that it then no longer knows it is no failure. */
  #leaving = false;
  #stopping = false;
  #starting = Promise.resolve();

  constructor(options: {
    state: State;
    identity: Identity;
    settings: Settings;
    log: Logger;
    /** Called once, when the interface stands and the first map is applied. */
    onUp: (facts: TunnelFacts, listenPort: number) => void;
    /** What the coordinator has to say to whoever administers this host is something else than it was. */
    onNotices: (before: readonly string[], now: readonly string[]) => void;
  }) {
    this.#state = options.state;
    this.#identity = options.identity;
    this.#settings = options.settings;
    this.#log = options.log;
    this.#onUp = options.onUp;
    this.#onNotices = options.onNotices;
    this.#endpoints = this.#endpointsKeeper();
    this.#exit = this.#exitKeeper();
    this.#routers = new RouterKeeper(
      () => this.#clock.monotonic(),
      () => this.#reconciler?.again().catch(() => {}),
      this.#log,
    );
    this.#answers = this.#localAnswers();
    this.ended = this.#end.promise.then(async (end) => {
      if (end.kind === 'failed') this.#exitUse?.keep(true);
      await this.#close();
      return end;
    });
  }

  /** Starts everything; throws what keeps it from starting, with nothing left behind. The caller holds the state's lock. */
  async start(): Promise<void> {
    this.#starting = this.#startParts();
    try {
      await this.#starting;
    } catch (error) {
      this.#exitUse?.keep(false);
      this.#end.resolve({ kind: 'stopped' });
      await this.ended;
      throw error;
    }
  }

  async #startParts(): Promise<void> {
    checkPrivileges();
    // After each part of the code is loaded, before the next needs memory.
    releaseStartupPages();
    await releasingStartupPages(this.#openTunnel());
    const api = await serveLocalApi(this.#state.socketPath, this.#handlers(), this.#log);
    this.#closers.push(() => api.close());
    this.#loadMap();
    if (this.#map !== null) {
      await this.#apply(this.#map);
    }
    if (this.#stopping) return;
    releaseStartupPages();
    const parts = [() => this.#startRelays(), () => this.#startSync(), () => this.#mapPort()];
    for (const start of [...parts, () => this.#serveMetrics()]) {
      await start();
      releaseStartupPages();
    }
    if (!this.#tunnel?.facts.tellsNetworkChanges) this.#network.poll();
    this.#watchRules();
  }

  /** Asks it to end; `ended` tells when it has. An ephemeral node leaves the network, if the coordinator is there to be told. */
  stop(): void {
    if (this.#map?.self.ephemeral !== true || this.#stopping) this.#finish({ kind: 'stopped' });
    else if (!this.#leaving) void this.#leaveOrStop();
  }

  async #leaveOrStop(): Promise<void> {
    const late = sleep(FAREWELL, undefined, { ref: false }).then(() => {
      throw new WarrenError('unavailable', 'the coordinator does not answer');
    });
    await Promise.race([this.#leave(false), late]).catch((error: unknown) => {
      this.#log.warn(
        { reason: describeError(error) },
        'stopped without leaving: an ephemeral node is removed later',
      );
      this.#finish({ kind: 'stopped' });
    });
  }

  async #openTunnel(): Promise<void> {
    const timestamps = new TimestampKeeper(this.#state, this.#log);
    const { interfaceName, mtu, driver, workers, listenPort } = this.#settings;
    const tunnel = await openTunnel(
      {
        interfaceName,
        mtu,
        watchNetwork: true,
        findsPaths: true,
        ...(workers === null ? {} : { workers }),
        ...(timestamps.last === undefined ? {} : { lastTimestamp: timestamps.last }),
      },
      driver,
      (news) => {
        if (news.event === 'network-changed') this.#network.changed();
        else if (news.event === 'relay') this.#relay(news);
        else if (news.event === 'router') this.#routers.reached(news.publicKey, news);
        else if (news.event !== 'device') {
          if (news.event === 'path-changed') this.#outside.pathChanged(news.publicKey, news.to);
          this.#paths?.news(news);
          this.#pathReporter?.changed();
        } else if (news.device.kind === 'timestamp-sent') timestamps.sent(news.device.timestamp);
        else {
          this.#log.debug({ event: news.device.kind }, 'device');
          this.#pathReporter?.changed();
        }
      },
      this.#log,
    );
    this.#tunnel = tunnel;
    this.#closers.push(() => tunnel.close());
    const devices = new DeviceEndpoints(this.#state.folder, tunnel, this.#log);
    this.#devices = devices;
    this.#closers.push(() => devices.close());
    const paths = new PathKeeper(tunnel, this.#settings.stunServers, () => this.#endpoints.tell(), this.#log);
    this.#paths = paths;
    this.#closers.push(() => paths.close());
    const reconciler = new Reconciler({
      tunnel,
      mtu,
      acceptRoutes: this.#settings.acceptRoutes,
      exitNode: () => this.#exit.choice,
      chooseRouters: (peers) => this.#routers.choose(peers),
      outside: (map) => this.#outside.list(map),
      features: this.#hostFeatures(),
      onCarriers: () => this.#pathReporter?.changed(),
      now: () => this.#coordinatorClock.now(),
      log: this.#log,
    });
    this.#reconciler = reconciler;
    this.#closers.push(() => reconciler.close());
    this.#closers.push(() => this.#routers.close());
    tunnel.closed.then(
      (reason) => {
        if (reason === 'removed') {
          this.#fail(
            new WarrenError('conflict', `the interface ${interfaceName} was removed by somebody else`, {
              hint: 'start the agent again: bin/agent up',
            }),
          );
        }
      },
      (error: unknown) => this.#fail(error),
    );
    const privateKey = keyFromBase64(this.#identity.privateKey) as Uint8Array;
    await this.#listen(tunnel);
    await tunnel.configure({ privateKey, replacePeers: true }, marked(tunnel));
    wipe(privateKey);
    this.#listenPort = await this.#currentPort();
    if (listenPort === 0 && this.#settings.lastPort !== this.#listenPort) {
      this.#saveSettings({ ...this.#settings, lastPort: this.#listenPort });
    }
  }

  /** On the port that the user named; else on the one of last time, if nobody has taken it. */
  async #listen(tunnel: Tunnel): Promise<void> {
    const { listenPort, lastPort = 0 } = this.#settings;
    if (listenPort !== 0) return tunnel.configure({}, { listenPort });
    if (lastPort === 0) return;
    await tunnel.configure({}, { listenPort: lastPort }).catch((error: unknown) => {
      if (!(error instanceof WarrenError) || error.code !== 'in-use') throw error;
      this.#log.warn({ port: lastPort }, "last time's UDP port is taken; another one is chosen");
    });
  }

  async #currentPort(): Promise<number> {
    const snapshot = await (this.#tunnel as Tunnel).snapshot();
    if (snapshot.device.privateKey !== null) wipe(snapshot.device.privateKey);
    return snapshot.listenPort;
  }

  /** What was saved is as good as what the coordinator says, until it says something else. */
  #loadMap(): void {
    const saved = this.#state.savedMap((reason) => this.#log.warn({ reason }, 'the saved map is set aside'));
    if (saved === null) return;
    try {
      const map = checkMap(saved.map);
      // After joining anew under another id, the old map is another node's.
      if (map.self.nodeId !== this.#identity.nodeId) return;
      this.#map = map;
      this.#coordinatorClock.remember(saved.clockOffset);
    } catch (error) {
      this.#log.warn({ reason: describeError(error) }, 'the saved map is not used');
    }
  }

  async #startSync(): Promise<void> {
    // Loaded when the mesh is up by the saved map: gRPC takes a tenth of a second that nothing else waits for.
    const [{ SyncClient }, { PathReporter }] = await Promise.all([
      import('./control/sync-client.ts'),
      import('./path-reporter.ts'),
    ]);
    if (this.#stopping) return;
    const reporter = new PathReporter(
      () => this.#answers.paths(),
      (report) => this.#sync?.reportPaths(report) ?? false,
      () => this.#clock.monotonic(),
    );
    this.#pathReporter = reporter;
    this.#closers.push(() => reporter.close());
    const facts = {
      identity: () => this.#identity,
      map: this.#map,
      coordinatorClock: this.#coordinatorClock,
    };
    const sync = new SyncClient(
      { ...facts, clock: this.#clock, log: this.#log },
      {
        onMap: (map, self) => this.#takeMap(map, self),
        waysTo: (urls) => this.#waysTo(urls),
        onConnected: (connected) => {
          if (connected) reporter.reset();
        },
        onWatch: (interval) => reporter.watch(interval),
        onRefused: (error) => {
          if (!this.#leaving) this.#fail(error);
        },
        onIdentity: (identity) => {
          this.#state.saveIdentity(identity);
          this.#identity = identity;
        },
      },
    );
    this.#sync = sync;
    this.#closers.push(() => sync.close());
    this.#endpoints.tell();
    this.#report(this.#endpoints.report);
    sync.start();
  }

  async #startRelays(): Promise<void> {
    const { RelayKeeper } = await import('./relay-keeper.ts');
    if (this.#stopping) return;
    const tunnel = this.#tunnel as Tunnel;
    const relays = new RelayKeeper({
      authority: Buffer.from(this.#identity.caCertificate, 'base64'),
      certificate: () => ({
        certificate: Buffer.from(this.#identity.certificate, 'base64'),
        privateKey: this.#identity.certificateKey,
      }),
      clock: this.#clock,
      log: this.#log,
      onAbsent: (publicKey, isAbsent) => void this.#paths?.absent(publicKey, isAbsent),
      waysTo: (urls) => this.#waysTo(urls),
      onDatagrams: (publicKey, bytes, segmentSize) => tunnel.relayed(publicKey, bytes, segmentSize),
      onHome: (relayId) => {
        void this.#paths?.relayChanged(relayId !== null);
        // While it is away peers may as well look for this agent where it was.
        if (relayId !== null) this.#endpoints.homeRelay(relayId);
      },
    });
    this.#relays = relays;
    this.#closers.push(() => relays.close());
    if (this.#map !== null) relays.mapChanged(this.#map);
    for (const early of this.#beforeRelays.splice(0)) this.#relay(early);
  }

  #relay(datagrams: RelayNews): void {
    if (this.#relays !== null) this.#relays.send(datagrams.publicKey, datagrams.bytes, datagrams.segmentSize);
    else if (this.#beforeRelays.push(datagrams) > MAX_BEFORE_RELAYS) this.#beforeRelays.shift();
  }

  #takeMap(map: NetworkMap, self: Self | undefined): void {
    const before = this.#toldNotices;
    this.#toldNotices = map.self.notices;
    if (before.join('\n') !== map.self.notices.join('\n')) this.#onNotices(before, map.self.notices);
    this.#map = map;
    if (self !== undefined) this.#endpoints.observed(self.observedAddress);
    this.#apply(map).catch((error: unknown) => this.#fail(error));
  }

  async #apply(map: NetworkMap): Promise<void> {
    this.#paths?.mapChanged(map);
    this.#relays?.mapChanged(map);
    const reconciler = this.#reconciler as Reconciler;
    if (!(await reconciler.apply(map))) return;
    this.#saveMap(map);
    this.#exit.settle(map);
    void this.#devices?.mapApplied(map);
    if (this.#isUp) return;
    this.#isUp = true;
    this.#onUp((this.#tunnel as Tunnel).facts, this.#listenPort);
  }

  #saveSettings(settings: Settings): void {
    this.#settings = settings;
    this.#keep('the settings', () => this.#state.saveSettings(settings));
  }

  #saveMap(map: NetworkMap): void {
    const clockOffset = this.#coordinatorClock.ahead;
    this.#keep('the map', () => this.#state.saveMap({ version: 1, map, clockOffset }));
  }

  /** Writes what a restart will be better for; the mesh works on without, so a full disk ends nothing. */
  #keep(what: string, write: () => void): void {
    try {
      write();
    } catch (error) {
      this.#log.error({ reason: describeError(error) }, `${what} was not stored`);
    }
  }

  /** Where this host is decides at which endpoints it is reached, and which routes it needs from the mesh. */
  #lookAtNetwork(): void {
    if (this.#stopping) return;
    const { hasChanged, hasLostAddress } = this.#endpoints.look();
    if (hasLostAddress) this.#sync?.reconnect();
    if (hasChanged) this.#relays?.networkChanged(hasLostAddress);
    if (hasChanged) this.#outside.networkChanged();
    this.#endpoints.tell();
    void this.#followNetwork();
    void this.#portMapper?.networkChanged();
  }

  /** With an exit node the host's own resolvers may be out of reach: then addresses do as well. */
  #waysTo(urls: readonly string[]): string[] {
    if (this.#exit.choice === null) return [...urls];
    return withKnownAddresses(urls, (name) => this.#names?.knownAddresses(name) ?? []);
  }

  /** Coordinator or relays have other addresses: the way to those is to be open. */
  #followAddresses(): void {
    if (this.#exit.choice === null) return;
    void this.#reconciler?.again().catch(() => {});
    if (this.#map !== null) this.#relays?.mapChanged(this.#map);
  }

  /** Throws nothing: what the host refuses is logged, and tried again. */
  async #followNetwork(): Promise<void> {
    await this.#reconciler?.followNetworks();
    for (const feature of [this.#exitUse, this.#forwarding]) {
      if (await feature?.isOutdated().catch(() => false)) await this.#reconciler?.again().catch(() => {});
    }
  }

  /** Nobody tells that rules were taken away: it is looked. */
  #watchRules(): void {
    const timer = setInterval(() => void this.#lookAtRules().catch(() => {}), RULES_INTERVAL).unref();
    this.#closers.push(() => clearInterval(timer));
  }

  async #lookAtRules(): Promise<void> {
    if (this.#stopping || !(await this.#firewall?.isGone())) return;
    this.#log.warn('the rules of nftables were taken away by somebody else: they are set anew');
    this.#forwarding?.forget();
    await this.#reconciler?.again();
  }

  async #serveMetrics(): Promise<void> {
    const { metrics } = this.#settings;
    if (metrics === null || this.#stopping) return;
    const { serveMetrics } = await import('./metrics/serve-metrics.ts');
    if (this.#stopping) return;
    const server = serveMetrics(metrics, () => this.#answers.metrics(), this.#log);
    this.#closers.push(() => server.close());
  }

  async #mapPort(): Promise<void> {
    const { PortMapper } = await import('./port-mapping/port-mapper.ts');
    if (this.#stopping) return;
    const { interfaceName } = (this.#tunnel as Tunnel).facts;
    const mapper = new PortMapper(interfaceName, () => this.#endpoints.tell(), this.#log);
    mapper.setPort(this.#listenPort);
    this.#portMapper = mapper;
    this.#closers.push(() => mapper.close());
  }

  #endpointsKeeper(): OwnEndpointsKeeper {
    return new OwnEndpointsKeeper(
      {
        interfaceName: () => this.#tunnel?.facts.interfaceName ?? this.#settings.interfaceName,
        listenPort: () => this.#listenPort,
        overlay: () => this.#map?.self.networkPrefixes ?? [],
        mapped: () => this.#portMapper?.endpoint ?? null,
        reflexive: () => this.#paths?.reflexive ?? [],
        configured: () => this.#settings.endpoints,
      },
      {
        onOwnSide: (addresses, listenPort, mapped, configured) =>
          void this.#paths?.ownSideChanged(addresses, listenPort, mapped, configured),
        onReport: (report) => this.#report(report),
      },
    );
  }

  #exitKeeper(): ExitKeeper {
    return new ExitKeeper({
      settings: () => this.#settings,
      map: () => this.#map,
      now: () => this.#coordinatorClock.now(),
      save: (settings) => this.#saveSettings(settings),
      changed: async () => this.#reconciler?.again(),
    });
  }

  #localAnswers(): LocalAnswers {
    return new LocalAnswers({
      map: () => this.#map,
      identity: () => this.#identity,
      settings: () => this.#settings,
      tunnel: () => this.#tunnel as Tunnel,
      connected: () => this.#sync?.connected ?? false,
      endpoints: () => this.#endpoints.report.endpoints,
      relays: () => this.#relays?.status() ?? [],
      nat: () => this.#paths?.nat ?? null,
      reflexive: () => this.#paths?.reflexive ?? [],
      portMapping: () => this.#portMapper?.summary ?? null,
      names: () => this.#names?.status() ?? null,
      exit: () => this.#exit.status(),
      routers: this.#routers,
      notes: () => this.#reconciler?.notes ?? [],
      carriers: () => this.#reconciler?.carriers ?? NO_CARRIERS,
      flowTracking: () => this.#flowTracking as FlowTracking,
      clock: this.#clock,
    });
  }

  #report({ reachable, ...report }: EndpointReport): void {
    const { acceptRoutes, advertiseRoutes, mappings, advertiseExitNode, segments } = this.#settings;
    this.#sync?.report({
      ...report,
      segments: segments.map(({ name }) => name),
      reach: { endpoints: reachable, acceptsRoutes: acceptRoutes },
      offers: { routes: advertiseRoutes, exitNode: advertiseExitNode, tags: [], mappings },
    });
  }

  /** Parts of the host that follow the map, in the order in which they are applied. */
  #hostFeatures(): HostFeature[] {
    const { mtu, segments, snat, siteToSite } = this.#settings;
    const { interfaceName } = (this.#tunnel as Tunnel).facts;
    this.#flowTracking = new FlowTracking(interfaceName);
    this.#names = this.#nameService(interfaceName);
    this.#firewall = new Firewall(interfaceName, () => this.#listenPort, siteToSite, this.#log);
    this.#forwarding = new Forwarding(interfaceName, { translatesSources: snat, siteToSite }, this.#log);
    const names = this.#names;
    this.#exitUse = new ExitUse({
      interfaceName,
      stateFolder: this.#state.folder,
      listenPort: () => this.#listenPort,
      servers: (map) => serversOf(map, this.#identity.urls, (name) => names.knownAddresses(name)),
      allowsLan: () => this.#exit.allowsLan,
      acceptDns: this.#settings.acceptDns,
    });
    return [
      ...this.#exitUse.features,
      this.#firewall,
      this.#flowTracking,
      this.#names,
      this.#forwarding,
      new SegmentDevices(interfaceName, mtu, segments, this.#log),
    ];
  }

  #nameService(interfaceName: string): NameService {
    return new NameService({
      interfaceName,
      stateFolder: this.#state.folder,
      acceptDns: this.#settings.acceptDns,
      coordinatorUrls: this.#identity.urls,
      onKnownAddresses: () => this.#followAddresses(),
      clock: this.#clock,
      log: this.#log,
    });
  }

  #handlers() {
    return {
      status: () => this.#answers.status(),
      ping: (args: unknown) => this.#answers.ping(args),
      flows: () => this.#answers.flows(),
      metrics: () => this.#answers.metrics(),
      'exit-nodes': async () => this.#exit.status(),
      'use-exit-node': (args: unknown) => this.#exit.use(args),
      'leave-exit-node': () => this.#exit.off(),
      rules: (): Promise<FirewallStatus | null> => this.#firewall?.status() ?? Promise.resolve(null),
      leave: (args: unknown) => this.#leave((args as { force?: boolean } | null)?.force === true),
    };
  }

  async #leave(force: boolean): Promise<{ told: boolean }> {
    this.#leaving = true;
    try {
      const { leaveNetwork } = await import('./control/leave-network.ts');
      const urls = coordinatorUrls(this.#identity.urls, this.#map);
      const told = await leaveNetwork({ ...this.#identity, urls }, force);
      this.#finish({ kind: 'left' });
      return { told };
    } catch (error) {
      this.#leaving = false;
      throw error;
    }
  }

  #fail(error: unknown): void {
    const known =
      error instanceof WarrenError
        ? error
        : new WarrenError('internal', describeError(error), { cause: error });
    this.#finish({ kind: 'failed', error: known });
  }

  #finish(end: DaemonEnd): void {
    if (this.#stopping) return;
    this.#stopping = true;
    // What was asked for over the local API is answered before its socket goes.
    setImmediate(() => this.#end.resolve(end));
  }

  async #close(): Promise<void> {
    this.#stopping = true;
    await this.#starting.catch(() => {});
    this.#network.close();
    for (const close of this.#closers.reverse()) {
      try {
        await close();
      } catch (error) {
        this.#log.error({ reason: describeError(error) }, 'a part did not stop cleanly');
      }
    }
  }
}

/** The mark that the tunnel's sockets have, where the driver can set one: they are never led into the tunnel itself. */
function marked({ facts }: Tunnel): { fwmark?: number } {
  return facts.driver === 'linux' ? { fwmark: OUTSIDE_MARK } : {};
}
