import type { Self } from '../proto/gen/warren.ts';
import { type Clock, systemClock } from '../shared/clock.ts';
import { describeError, WarrenError } from '../shared/errors.ts';
import { keyFromBase64, wipe } from '../shared/key.ts';
import type { Logger } from '../shared/log.ts';
import { leaveNetwork, SyncClient } from './control/sync-client.ts';
import { checkConflicts } from './host/conflicts.ts';
import { reconcileInterface } from './host/interface.ts';
import { localAddresses } from './host/local-addresses.ts';
import { type PingResult, pingAddress } from './host/ping.ts';
import { checkPrivileges } from './host/privileges.ts';
import { serveLocalApi } from './local-api/server.ts';
import { checkMap, type NetworkMap } from './mesh/network-map.ts';
import { ownEndpoints } from './mesh/own-endpoints.ts';
import { peerChanges } from './mesh/peer-changes.ts';
import { type WantedPeer, wantedState } from './mesh/wanted-state.ts';
import { openTunnel } from './open-tunnel.ts';
import type { Identity, Settings } from './state/records.ts';
import type { State } from './state/state.ts';
import { type Status, statusOf } from './status.ts';
import { TimestampKeeper } from './timestamp-keeper.ts';
import type { TunnelFacts } from './tunnel/commands.ts';
import type { Tunnel } from './tunnel/tunnel.ts';

/** How often this host's addresses are looked at, milliseconds. */
const ADDRESS_INTERVAL = 2_000;
/** Handshakes that a start begins by itself: enough for a mesh of any usual size, little enough to be done in a second. */
const MOST_GREETED = 512;
/** When to try again what this host refused. */
const RETRY_INTERVAL = 5_000;
/** setTimeout's longest wait. */
const LONGEST_TIMEOUT = 2 ** 31 - 1;

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
  readonly #settings: Settings;
  readonly #clock: Clock = systemClock;
  readonly #log: Logger;
  readonly #onUp: (facts: TunnelFacts, listenPort: number) => void;
  readonly #end = Promise.withResolvers<DaemonEnd>();
  readonly #closers: (() => Promise<void> | void)[] = [];
  readonly #latencies = new Map<string, number>();
  #identity: Identity;
  #tunnel: Tunnel | null = null;
  #sync: SyncClient | null = null;
  #map: NetworkMap | null = null;
  /** The coordinator's clock less this host's monotonic one. */
  #serverOffset: number;
  #observed = '';
  #appliedPeers: readonly WantedPeer[] = [];
  #checkedRanges = '';
  #endpoints: string[] = [];
  #reported = false;
  #listenPort = 0;
  #isUp = false;
  #stopping = false;
  #starting = Promise.resolve();
  #reconciling = Promise.resolve();
  /** For the next expiry of a key, or to try again what the host refused. */
  #timer: NodeJS.Timeout | null = null;

  constructor(options: {
    state: State;
    identity: Identity;
    settings: Settings;
    log: Logger;
    /** Called once, when the interface stands and the first map is applied. */
    onUp: (facts: TunnelFacts, listenPort: number) => void;
  }) {
    this.#state = options.state;
    this.#identity = options.identity;
    this.#settings = options.settings;
    this.#log = options.log;
    this.#onUp = options.onUp;
    this.#serverOffset = this.#clock.wall() - this.#clock.monotonic();
    this.ended = this.#end.promise.then(async (end) => {
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
      this.#end.resolve({ kind: 'stopped' });
      await this.ended;
      throw error;
    }
  }

  async #startParts(): Promise<void> {
    checkPrivileges();
    await this.#openTunnel();
    const api = await serveLocalApi(this.#state.socketPath, this.#handlers(), this.#log);
    this.#closers.push(() => api.close());
    this.#loadMap();
    if (this.#map !== null) {
      await this.#reconcile();
      await this.#greetPeers();
    }
    if (this.#stopping) return;
    this.#startSync();
    const watch = setInterval(() => this.#reportEndpoints(), ADDRESS_INTERVAL);
    this.#closers.push(() => clearInterval(watch));
  }

  /** Asks it to end; `ended` tells when it has. */
  stop(): void {
    this.#finish({ kind: 'stopped' });
  }

  async #openTunnel(): Promise<void> {
    const timestamps = new TimestampKeeper(this.#state, this.#log);
    const { interfaceName, mtu, driver, listenPort } = this.#settings;
    const tunnel = await openTunnel(
      { interfaceName, mtu, ...(timestamps.last === undefined ? {} : { lastTimestamp: timestamps.last }) },
      driver,
      (event) => {
        if (event.kind === 'timestamp-sent') timestamps.sent(event.timestamp);
        else this.#log.debug({ event: event.kind }, 'device');
      },
      this.#log,
    );
    this.#tunnel = tunnel;
    this.#closers.push(() => tunnel.close());
    tunnel.closed.then(
      (reason) => {
        if (reason === 'removed') {
          this.#fail(
            new WarrenError('conflict', `the interface ${interfaceName} was removed by somebody else`),
          );
        }
      },
      (error: unknown) => this.#fail(error),
    );
    const privateKey = keyFromBase64(this.#identity.privateKey) as Uint8Array;
    await this.#listen(tunnel);
    await tunnel.configure({ privateKey, replacePeers: true });
    wipe(privateKey);
    this.#listenPort = await this.#currentPort();
    if (listenPort === 0 && this.#settings.lastPort !== this.#listenPort) {
      this.#state.saveSettings({ ...this.#settings, lastPort: this.#listenPort });
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
      this.#serverOffset += saved.clockOffset;
    } catch (error) {
      this.#log.warn({ reason: describeError(error) }, 'the saved map is not used');
    }
  }

  /**
   * Begins a handshake with every peer that was online. They may hold sessions with the process of before, whose keys are
   * gone: until a new handshake, or for 15 s (6.5 of the paper), they would send to nobody.
   */
  async #greetPeers(): Promise<void> {
    const online = new Set(this.#map?.peers.filter((peer) => peer.online).map((peer) => peer.publicKey));
    const greeted = this.#appliedPeers.filter((peer) => online.has(peer.publicKey)).slice(0, MOST_GREETED);
    // A persistent keepalive goes out at once when it is set; there is no other use for it here.
    for (const persistentKeepalive of [1, 0]) {
      await this.#tunnel?.configure({
        peers: greeted.map((peer) => ({
          publicKey: keyFromBase64(peer.publicKey) as Uint8Array,
          updateOnly: true,
          persistentKeepalive,
        })),
      });
    }
  }

  #startSync(): void {
    const sync = new SyncClient(this.#identity, this.#map, this.#clock, this.#log, {
      onMap: (map, self) => this.#takeMap(map, self),
      onConnected: () => {},
      onRefused: (error) => this.#fail(error),
      onIdentity: (identity) => {
        this.#identity = identity;
        this.#state.saveIdentity(identity);
      },
    });
    this.#sync = sync;
    this.#closers.push(() => sync.close());
    this.#reportEndpoints();
    sync.start();
  }

  #takeMap(map: NetworkMap, self: Self | undefined): void {
    this.#map = map;
    if (self !== undefined) {
      this.#serverOffset = Number(self.serverTime) - this.#clock.monotonic();
      this.#observed = self.observedAddress;
      this.#reportEndpoints();
    }
    void this.#reconcile().then(
      () => this.#saveMap(map),
      (error: unknown) => this.#notApplied(error),
    );
  }

  #saveMap(map: NetworkMap): void {
    try {
      const clockOffset = this.#serverNow() - this.#clock.wall();
      this.#state.saveMap({ version: 1, map, clockOffset });
    } catch (error) {
      // The mesh works on; only a restart without the coordinator would miss this.
      this.#log.error({ reason: describeError(error) }, 'the map was not stored');
    }
  }

  /** The coordinator's clock, as far as this host can tell without trusting its own to be right. */
  #serverNow(): number {
    return this.#clock.monotonic() + this.#serverOffset;
  }

  /** Brings this host to what the map wants; one run after the other. */
  #reconcile(): Promise<void> {
    this.#reconciling = this.#reconciling.catch(() => {}).then(() => this.#reconcileOnce());
    return this.#reconciling;
  }

  async #reconcileOnce(): Promise<void> {
    const map = this.#map;
    const tunnel = this.#tunnel;
    if (map === null || tunnel === null || this.#stopping) return;
    const now = this.#serverNow();
    const wanted = wantedState(map, { acceptRoutes: this.#settings.acceptRoutes }, now);
    const name = tunnel.facts.interfaceName;
    const ranges = map.self.networkPrefixes.join(' ');
    if (ranges !== this.#checkedRanges) {
      await checkConflicts(map.self.networkPrefixes, name);
      this.#checkedRanges = ranges;
    }
    const changes = peerChanges(this.#appliedPeers, wanted.peers);
    if (changes.length > 0) await tunnel.configure({ peers: changes });
    this.#appliedPeers = wanted.peers;
    const { notes } = await reconcileInterface({
      name,
      mtu: this.#settings.mtu,
      addresses: wanted.addresses,
      routes: wanted.routes,
    });
    this.#armTimer(wanted.nextExpiry - now);
    if (this.#isUp) return;
    this.#isUp = true;
    for (const note of notes) this.#log.warn(note);
    this.#onUp(tunnel.facts, this.#listenPort);
  }

  /** A key that expires is acted on at that moment, also while the coordinator is away. */
  #armTimer(wait: number): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    if (wait === Number.POSITIVE_INFINITY || this.#stopping) return;
    this.#timer = setTimeout(
      () => void this.#reconcile().catch((error: unknown) => this.#notApplied(error)),
      Math.min(LONGEST_TIMEOUT, Math.max(0, wait) + 1),
    );
  }

  /** What this host refuses at the start ends the agent. Later it keeps what works, and tries the rest again. */
  #notApplied(error: unknown): void {
    if (!this.#isUp) {
      this.#fail(error);
      return;
    }
    this.#log.error(
      { reason: describeError(error) },
      'the map could not be applied as a whole; trying again',
    );
    this.#armTimer(RETRY_INTERVAL);
  }

  #reportEndpoints(): void {
    const addresses = localAddresses(this.#settings.interfaceName).map((local) => local.address);
    const overlay = this.#map?.self.networkPrefixes ?? [];
    const endpoints = ownEndpoints(addresses, this.#observed, this.#listenPort, overlay);
    if (this.#reported && endpoints.join() === this.#endpoints.join()) return;
    this.#reported = true;
    this.#endpoints = endpoints;
    this.#sync?.report({
      endpoints,
      listenPort: this.#listenPort,
      offers: {
        routes: this.#settings.advertiseRoutes,
        exitNode: this.#settings.advertiseExitNode,
        tags: [],
      },
    });
  }

  #handlers() {
    return {
      status: () => this.#status(),
      ping: (args: unknown) => this.#ping(args),
      leave: (args: unknown) => this.#leave((args as { force?: boolean } | null)?.force === true),
    };
  }

  async #status(): Promise<Status> {
    const tunnel = this.#tunnel as Tunnel;
    return statusOf({
      map: this.#map,
      identity: this.#identity,
      facts: tunnel.facts,
      snapshot: await tunnel.snapshot(),
      connected: this.#sync?.connected ?? false,
      endpoints: this.#endpoints,
      latencies: this.#latencies,
      now: this.#clock.wall(),
    });
  }

  /** One ping through the tunnel, to a peer by name or to an overlay address. */
  async #ping(
    args: unknown,
  ): Promise<PingResult & { name: string; address: string; path: string; endpoint: string | null }> {
    const { target } = (args ?? {}) as { target?: unknown };
    const peer = this.#map?.peers.find(
      (each) => each.name === target || each.addresses.includes(String(target)),
    );
    if (peer === undefined || typeof target !== 'string') {
      throw new WarrenError('not-found', `no peer has the name or address ${JSON.stringify(target)}`, {
        hint: '`agent status` shows those there are',
      });
    }
    const address = peer.addresses.includes(target) ? target : (peer.addresses[0] as string);
    const result = await pingAddress(address);
    if (result.milliseconds !== null) this.#latencies.set(peer.nodeId, result.milliseconds);
    const status = (await this.#status()).peers.find((each) => each.publicKey === peer.publicKey);
    return {
      ...result,
      name: peer.name,
      address,
      path: status?.path ?? 'none',
      endpoint: status?.endpoint ?? null,
    };
  }

  async #leave(force: boolean): Promise<{ told: boolean }> {
    let told = true;
    try {
      await leaveNetwork(this.#identity);
    } catch (error) {
      const isGone = error instanceof WarrenError && error.code === 'unauthenticated';
      if (!isGone && !force) throw error;
      told = isGone;
    }
    this.#finish({ kind: 'left' });
    return { told };
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
    if (this.#timer !== null) clearTimeout(this.#timer);
    await this.#starting.catch(() => {});
    await this.#reconciling.catch(() => {});
    for (const close of this.#closers.reverse()) {
      try {
        await close();
      } catch (error) {
        this.#log.error({ reason: describeError(error) }, 'a part did not stop cleanly');
      }
    }
  }
}
