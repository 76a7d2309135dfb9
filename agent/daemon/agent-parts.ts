import type { Clock } from '../../shared/clock.ts';
import type { WarrenError } from '../../shared/errors.ts';
import type { Logger } from '../../shared/log.ts';
import { CoordinatorClock } from '../control/coordinator-clock.ts';
import { DeviceEndpoints } from '../device-endpoints.ts';
import { ExitKeeper } from '../exit-keeper.ts';
import { LocalAnswers } from '../local-answers.ts';
import { coordinatorUrls } from '../mesh/coordinator-urls.ts';
import { withKnownAddresses } from '../mesh/servers.ts';
import { NetworkWatch } from '../network-watch.ts';
import { OutsideHosts } from '../outside-hosts.ts';
import { OwnEndpointsKeeper } from '../own-endpoints-keeper.ts';
import { PathKeeper } from '../path-keeper.ts';
import type { PortMapper } from '../port-mapping/port-mapper.ts';
import { Reconciler } from '../reconciler.ts';
import { RouterKeeper } from '../router-keeper.ts';
import type { TimestampKeeper } from '../timestamp-keeper.ts';
import type { TunnelNews } from '../tunnel/commands.ts';
import type { Tunnel } from '../tunnel/tunnel.ts';
import type { Closing } from './closing.ts';
import { CoordinatorLink } from './coordinator-link.ts';
import { HostParts } from './host-parts.ts';
import { LatePart } from './late-part.ts';
import type { LivingParts } from './life.ts';
import { MapKeeper } from './map-keeper.ts';
import { NetworkFollower } from './network-follower.ts';
import type { OwnRecords } from './own-records.ts';
import { RelayLink } from './relay-link.ts';
import { RulesWatch } from './rules-watch.ts';
import { spreadNews } from './tunnel-news.ts';
import { TunnelSocket } from './tunnel-socket.ts';

/** What the parts are put together around, and what they have to say to whoever does it. */
export interface PartsOptions {
  /** Open, and without a key. */
  tunnel: Tunnel;
  records: OwnRecords;
  stateFolder: string;
  timestamps: TimestampKeeper;
  closing: Closing;
  ending: AbortSignal;
  clock: Clock;
  log: Logger;
  /** The first map is in force. */
  onUp: (listenPort: number) => void;
  onNotices: (before: readonly string[], now: readonly string[]) => void;
  /** The coordinator no longer knows this node. */
  onRefused: (error: WarrenError) => void;
  onFailure: (error: unknown) => void;
}

/**
 * The parts of an agent, and what each needs of the others. Every change, from whichever side, leads to one thing: the reconciler
 * brings this host from what was applied to what the map wants. That needs no coordinator.
 */
export class AgentParts implements LivingParts {
  readonly socket: TunnelSocket;
  readonly map: MapKeeper;
  readonly exit: ExitKeeper;
  readonly host: HostParts;
  readonly answers: LocalAnswers;
  /** Whose code is loaded when the mesh is up by the saved map, in this order. */
  readonly late: readonly { start(): Promise<void>; close(): unknown }[];
  readonly #options: PartsOptions;
  readonly #coordinatorClock: CoordinatorClock;
  readonly #coordinator: CoordinatorLink;
  readonly #devices: DeviceEndpoints;
  readonly #endpoints: OwnEndpointsKeeper;
  readonly #network: NetworkWatch;
  readonly #outside: OutsideHosts;
  readonly #paths: PathKeeper;
  readonly #portMapper: LatePart<PortMapper>;
  readonly #reconciler: Reconciler;
  readonly #relays: RelayLink;
  readonly #routers: RouterKeeper;

  constructor(options: PartsOptions) {
    const { tunnel, records, stateFolder, closing, clock, log } = options;
    this.#options = options;
    this.#coordinatorClock = new CoordinatorClock(clock);
    this.socket = new TunnelSocket(tunnel, records, log);
    this.#devices = closing.add(new DeviceEndpoints(stateFolder, tunnel, log));
    this.#paths = closing.add(
      new PathKeeper(tunnel, records.settings.stunServers, () => this.#endpoints.tell(), log),
    );
    this.#portMapper = this.#portMapperPart();
    this.#endpoints = this.#endpointsKeeper();
    this.exit = this.#exitKeeper();
    this.host = this.#hostParts();
    this.#outside = this.#outsideHosts();
    this.#routers = new RouterKeeper(
      () => clock.monotonic(),
      () => this.#applyAgain(),
      log,
    );
    this.#reconciler = closing.add(this.#mapReconciler());
    closing.add(this.#routers);
    this.map = this.#mapKeeper();
    this.#relays = this.#relayLink();
    this.#coordinator = this.#coordinatorLink();
    const follower = this.#networkFollower();
    this.#network = closing.add(new NetworkWatch(() => follower.look()));
    this.answers = this.#localAnswers();
    this.late = [this.#relays, this.#coordinator, this.#portMapper, this.#metricsServer()];
  }

  /** What the tunnel's worker tells. */
  news(news: TunnelNews): void {
    spreadNews(news, {
      network: this.#network,
      relays: this.#relays,
      routers: this.#routers,
      outside: this.#outside,
      paths: this.#paths,
      coordinator: this.#coordinator,
      timestamps: this.#options.timestamps,
      log: this.#options.log,
    });
  }

  /** Where this host can be reached is known from now on: the tunnel's port is. */
  tellEndpoints(): void {
    this.#endpoints.tell();
  }

  /** Looks from now on at what nobody tells of. */
  watchHost(): void {
    const { tunnel, closing, log } = this.#options;
    if (!tunnel.facts.tellsNetworkChanges) this.#network.poll();
    const rules = new RulesWatch(
      () => this.host.haveRulesGone(),
      async () => {
        log.warn('the rules of nftables were taken away by somebody else: they are set anew');
        await this.#reconciler.again();
      },
    );
    closing.add(rules).start();
  }

  leavesWhenStopped(): boolean {
    return this.map.map?.self.ephemeral === true;
  }

  leave(force: boolean): Promise<boolean> {
    return this.#coordinator.leave(force);
  }

  keepGuard(hasStarted: boolean): void {
    this.host.exitUse.keep(hasStarted);
  }

  /** What the host refuses is logged, and tried again. */
  #applyAgain(): void {
    void this.#reconciler.again().catch(() => {});
  }

  /** With an exit node the host's own resolvers may be out of reach: then addresses do as well. */
  #waysTo(urls: readonly string[]): string[] {
    if (this.exit.choice === null) return [...urls];
    return withKnownAddresses(urls, (name) => this.host.names.knownAddresses(name));
  }

  /** Coordinator or relays have other addresses: the way to those is to be open. */
  #waysChanged(): void {
    if (this.exit.choice === null) return;
    this.#applyAgain();
    this.#relays.waysChanged();
  }

  #portMapperPart(): LatePart<PortMapper> {
    const { tunnel, ending, log } = this.#options;
    const load = async () => {
      const { PortMapper } = await import('../port-mapping/port-mapper.ts');
      return () => {
        const mapper = new PortMapper(tunnel.facts.interfaceName, () => this.#endpoints.tell(), log);
        mapper.setPort(this.socket.port);
        return mapper;
      };
    };
    return new LatePart(load, ending);
  }

  #metricsServer(): LatePart<{ close(): void }> {
    const { records, ending, log } = this.#options;
    const { metrics } = records.settings;
    const load = async () => {
      if (metrics === null) return null;
      const { serveMetrics } = await import('../metrics/serve-metrics.ts');
      return () => serveMetrics(metrics, () => this.answers.metrics(), log);
    };
    return new LatePart(load, ending);
  }

  #endpointsKeeper(): OwnEndpointsKeeper {
    const { tunnel, records } = this.#options;
    return new OwnEndpointsKeeper(
      {
        interfaceName: tunnel.facts.interfaceName,
        listenPort: () => this.socket.port,
        overlay: () => this.map.map?.self.networkPrefixes ?? [],
        mapped: () => this.#portMapper.part?.endpoint ?? null,
        reflexive: () => this.#paths.reflexive,
        configured: () => records.settings.endpoints,
      },
      {
        onOwnSide: (...ownSide) => void this.#paths.ownSideChanged(...ownSide),
        onReport: (report) => this.#coordinator.report(report),
      },
    );
  }

  #exitKeeper(): ExitKeeper {
    const { records } = this.#options;
    return new ExitKeeper({
      settings: () => records.settings,
      map: () => this.map.map,
      now: () => this.#coordinatorClock.now(),
      save: (settings) => records.saveSettings(settings),
      changed: () => this.#reconciler.again(),
    });
  }

  #hostParts(): HostParts {
    const { tunnel, records, stateFolder, clock, log } = this.#options;
    return new HostParts({
      interfaceName: tunnel.facts.interfaceName,
      stateFolder,
      coordinatorUrls: records.identity.urls,
      settings: records.settings,
      listenPort: () => this.socket.port,
      allowsLan: () => this.exit.allowsLan,
      onKnownAddresses: () => this.#waysChanged(),
      clock,
      log,
    });
  }

  #outsideHosts(): OutsideHosts {
    const { tunnel, records } = this.#options;
    return new OutsideHosts({
      interfaceName: tunnel.facts.interfaceName,
      coordinatorUrls: () => coordinatorUrls(records.identity.urls, this.map.map),
      knownAddresses: (name) => this.host.names.knownAddresses(name),
      resolvers: () => this.host.names.hostResolvers(),
      map: () => this.map.map,
      onMore: () => this.#applyAgain(),
    });
  }

  #mapReconciler(): Reconciler {
    const { tunnel, records, log } = this.#options;
    const { mtu, acceptRoutes } = records.settings;
    return new Reconciler({
      tunnel,
      mtu,
      acceptRoutes,
      exitNode: () => this.exit.choice,
      chooseRouters: (peers) => this.#routers.choose(peers),
      outside: (map) => this.#outside.list(map),
      features: this.host.features,
      onCarriers: () => this.#coordinator.pathsChanged(),
      now: () => this.#coordinatorClock.now(),
      log,
    });
  }

  #mapKeeper(): MapKeeper {
    const { records, onNotices, onUp, onFailure } = this.#options;
    return new MapKeeper({
      records,
      coordinatorClock: this.#coordinatorClock,
      onTaken: (self) => {
        if (self !== undefined) this.#endpoints.observed(self.observedAddress);
      },
      apply: (map) => {
        this.#paths.mapChanged(map);
        this.#relays.mapChanged(map);
        return this.#reconciler.apply(map);
      },
      onApplied: (map) => {
        this.exit.settle(map);
        void this.#devices.mapApplied(map);
      },
      onNotices,
      onUp: () => onUp(this.socket.port),
      onFailure,
    });
  }

  #relayLink(): RelayLink {
    const { tunnel, records, ending, clock, log } = this.#options;
    const options = {
      authority: Buffer.from(records.identity.caCertificate, 'base64'),
      certificate: () => ({
        certificate: Buffer.from(records.identity.certificate, 'base64'),
        privateKey: records.identity.certificateKey,
      }),
      waysTo: (urls: readonly string[]) => this.#waysTo(urls),
      onDatagrams: (publicKey: Uint8Array, bytes: Uint8Array, segmentSize: number) =>
        tunnel.relayed(publicKey, bytes, segmentSize),
      onAbsent: (publicKey: Uint8Array, isAbsent: boolean) => void this.#paths.absent(publicKey, isAbsent),
      onHome: (relayId: string | null) => {
        void this.#paths.relayChanged(relayId !== null);
        // While it is away peers may as well look for this agent where it was.
        if (relayId !== null) this.#endpoints.homeRelay(relayId);
      },
      clock,
      log,
    };
    return new RelayLink(options, ending);
  }

  #coordinatorLink(): CoordinatorLink {
    const { records, ending, clock, log, onRefused } = this.#options;
    return new CoordinatorLink({
      records,
      coordinatorClock: this.#coordinatorClock,
      map: () => this.map.map,
      paths: () => this.answers.paths(),
      waysTo: (urls) => this.#waysTo(urls),
      onMap: (map, self) => this.map.take(map, self),
      onRefused,
      ending,
      clock,
      log,
    });
  }

  #networkFollower(): NetworkFollower {
    return new NetworkFollower(
      {
        endpoints: this.#endpoints,
        coordinator: this.#coordinator,
        relays: this.#relays,
        outside: this.#outside,
        reconciler: this.#reconciler,
        host: this.host,
        portMapper: () => this.#portMapper.part,
      },
      this.#options.ending,
    );
  }

  #localAnswers(): LocalAnswers {
    const { tunnel, records, clock } = this.#options;
    return new LocalAnswers({
      map: () => this.map.map,
      identity: () => records.identity,
      settings: () => records.settings,
      tunnel,
      connected: () => this.#coordinator.isConnected,
      endpoints: () => this.#endpoints.report.endpoints,
      relays: () => this.#relays.status(),
      paths: this.#paths,
      portMapping: () => this.#portMapper.part?.summary ?? null,
      names: this.host.names,
      exit: this.exit,
      routers: this.#routers,
      reconciler: this.#reconciler,
      flowTracking: this.host.flowTracking,
      clock,
    });
  }
}
