import { isDeepStrictEqual } from 'node:util';
import { describeError } from '../shared/errors.ts';
import type { Logger } from '../shared/log.ts';
import { type Prefix, parsePrefix } from '../shared/prefix.ts';
import { checkConflicts } from './host/conflicts.ts';
import type { HostFeature } from './host/host-feature.ts';
import { hasIpv6, reconcileInterface } from './host/interface.ts';
import { localAddresses } from './host/local-addresses.ts';
import { type CarriersInUse, carriersInUse, NO_CARRIERS } from './mesh/carriers-in-use.ts';
import type { ExitChoice } from './mesh/exit-node.ts';
import type { MapPeer, NetworkMap } from './mesh/network-map.ts';
import { candidateChanges, peerChanges, removals, standInChange } from './mesh/peer-changes.ts';
import { type OutsideHost, routesAround } from './mesh/routes-around.ts';
import {
  alivePeers,
  type StandIns,
  type WantedPeer,
  type WantedState,
  wantedState,
} from './mesh/wanted-state.ts';
import type { Tunnel } from './tunnel/tunnel.ts';

/** When to try again what this host refused, milliseconds. */
const RETRY_INTERVAL = 5_000;
/** setTimeout's longest wait. */
const LONGEST_TIMEOUT = 2 ** 31 - 1;

export interface ReconcilerOptions {
  tunnel: Tunnel;
  mtu: number;
  acceptRoutes: boolean;
  /** Asked for each time. */
  exitNode: () => ExitChoice | null;
  /** Which router each network goes through that several of these peers carry, by CIDR. */
  chooseRouters: (peers: readonly MapPeer[]) => ReadonlyMap<string, string>;
  /** Whom no route may cut off. */
  outside: (map: NetworkMap) => Promise<OutsideHost[]>;
  /** In the order in which they are applied; closed in the other one. */
  features: readonly HostFeature[];
  /** Other nodes than before carry what this host reaches. */
  onCarriers: () => void;
  /** The coordinator's clock, milliseconds since the epoch. */
  now: () => number;
  log: Logger;
}

/**
 * Brings this host, its tunnel's peers, addresses and routes, from what was applied to what the newest map wants, also when
 * a key expires while no map comes. Needs no coordinator.
 */
export class Reconciler {
  readonly #options: ReconcilerOptions;
  #map: NetworkMap | null = null;
  #peers: readonly WantedPeer[] = [];
  #standIns: readonly StandIns[] = [];
  /** What path discovery was told of, as text. */
  #overlay = '';
  #checkedRanges = '';
  #hasApplied = false;
  /** The networks that this host was connected to at that time: they decide which routes it can have. */
  #networks = '';
  /** What this host cannot have, as told already. */
  #noted: readonly string[] = [];
  #carriers = NO_CARRIERS;
  #closed = false;
  /** What the host refused of the newest. */
  #refusal: unknown = null;
  /** One run after the other. */
  #running: Promise<boolean> = Promise.resolve(false);
  #timer: NodeJS.Timeout | null = null;

  constructor(options: ReconcilerOptions) {
    this.#options = options;
  }

  /** What this host cannot have, one line each. */
  get notes(): readonly string[] {
    return this.#noted;
  }

  /** By which nodes this host reaches what is behind nodes, as it was brought to last. */
  get carriers(): CarriersInUse {
    return this.#carriers;
  }

  /**
   * Applies a map; whether all of it is in force. What the host refuses of the first one is thrown. Of a later one, what
   * works is kept, the refusal is logged, and it is tried again.
   */
  apply(map: NetworkMap): Promise<boolean> {
    this.#map = map;
    return this.#run();
  }

  /** Applies the map again, after what is beside it has changed; what the host refuses is thrown. */
  async again(): Promise<void> {
    if (this.#hasApplied && !(await this.#run()) && this.#refusal !== null) throw this.#refusal;
  }

  /** Applies the map again if this host is connected to other networks than the last time. Throws nothing. */
  async followNetworks(): Promise<void> {
    if (this.#hasApplied && this.#connectedNetworks() !== this.#networks) await this.#run();
  }

  /** Applies nothing from now on; resolves when what is under way is done and the features are off. */
  async close(): Promise<void> {
    this.#closed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    await this.#running.catch(() => {});
    for (const feature of this.#options.features.toReversed()) {
      await feature.close().catch((error: unknown) => {
        this.#options.log.error({ reason: describeError(error) }, 'a part of the host was not restored');
      });
    }
  }

  #run(): Promise<boolean> {
    this.#running = this.#running.catch(() => {}).then(() => this.#applyNewest());
    return this.#running;
  }

  async #applyNewest(): Promise<boolean> {
    if (this.#map === null || this.#closed) return false;
    try {
      await this.#bringHostTo(this.#map);
      this.#refusal = null;
      return true;
    } catch (error) {
      if (!this.#hasApplied) throw error;
      this.#refusal = error;
      const reason = describeError(error);
      this.#options.log.error({ reason }, 'the map could not be applied as a whole; trying again');
      this.#runIn(RETRY_INTERVAL);
      return false;
    }
  }

  async #bringHostTo(map: NetworkMap): Promise<void> {
    const { tunnel, mtu, acceptRoutes, chooseRouters, exitNode, features, log } = this.#options;
    const now = this.#options.now();
    const routers = acceptRoutes ? chooseRouters(alivePeers(map, now)) : new Map<string, string>();
    const wanted = wantedState(map, { acceptRoutes, routers, exitNode: exitNode() }, now);
    await this.#removeGone(wanted.peers);
    const name = tunnel.facts.interfaceName;
    const ranges = map.self.networkPrefixes.join(' ');
    if (ranges !== this.#checkedRanges) {
      await checkConflicts(map.self.networkPrefixes, name);
      this.#checkedRanges = ranges;
    }
    const apply = async (when: HostFeature['when']) => {
      for (const feature of features) if (feature.when === when) await feature.apply(map, wanted);
    };
    await apply('before-peers');
    const changes = peerChanges(this.#peers, wanted.peers);
    const standIns = isDeepStrictEqual(wanted.standIns, this.#standIns) ? null : wanted.standIns;
    if (changes.length > 0 || standIns !== null) {
      await tunnel.configure({
        peers: changes,
        ...(standIns === null ? {} : { standIns: standIns.map(standInChange) }),
      });
    }
    await this.#tellPaths(map, wanted.peers, standIns);
    this.#peers = wanted.peers;
    this.#standIns = wanted.standIns;
    this.#networks = this.#connectedNetworks();
    const { routes, notes: cut } = await this.#routesAround(map, wanted.routes);
    const reconciled = await reconcileInterface({ name, mtu, addresses: wanted.addresses, routes });
    const notes = [...reconciled.notes, ...cut];
    for (const note of notes) if (!this.#noted.includes(note)) log.warn(note);
    this.#noted = notes;
    await apply('after-routes');
    this.#keepCarriers(wanted, routes);
    this.#hasApplied = true;
    // A key that expires is acted on at that moment, also while the coordinator is away.
    this.#runIn(wanted.nextExpiry - now);
  }

  #keepCarriers(wanted: WantedState, routes: readonly string[]): void {
    const { interfaceName } = this.#options.tunnel.facts;
    const six = hasIpv6(interfaceName);
    const connected = localAddresses(interfaceName).map(({ cidr }) => parsePrefix(cidr) as Prefix);
    const routed = routes.filter((cidr) => six || !cidr.includes(':'));
    const carriers = carriersInUse(wanted, routed, connected);
    if (isDeepStrictEqual(carriers, this.#carriers)) return;
    this.#carriers = carriers;
    this.#options.onCarriers();
  }

  /** Who is no peer any more is none from now on, whatever this host then refuses of the rest. */
  async #removeGone(wanted: readonly WantedPeer[]): Promise<void> {
    const gone = removals(this.#peers, wanted);
    if (gone.length === 0) return;
    await this.#options.tunnel.configure({ peers: gone });
    const kept = new Set(wanted.map(({ publicKey }) => publicKey));
    this.#peers = this.#peers.filter(({ publicKey }) => kept.has(publicKey));
  }

  /** The mesh's own ranges are judged by checkConflicts. */
  async #routesAround(
    map: NetworkMap,
    wanted: readonly string[],
  ): Promise<{ routes: string[]; notes: string[] }> {
    const own = map.self.networkPrefixes;
    const others = wanted.filter((cidr) => !own.includes(cidr));
    if (others.length === 0) return { routes: [...wanted], notes: [] };
    const connected = localAddresses(this.#options.tunnel.facts.interfaceName);
    const around = routesAround(
      others,
      await this.#options.outside(map),
      connected.map(({ cidr }) => parsePrefix(cidr) as Prefix),
    );
    return { routes: [...own, ...around.routes], notes: around.notes };
  }

  async #tellPaths(
    map: NetworkMap,
    peers: readonly WantedPeer[],
    standIns: readonly StandIns[] | null,
  ): Promise<void> {
    const changed = candidateChanges(this.#peers, peers);
    const prefixes = map.self.networkPrefixes;
    const overlay = prefixes.join() === this.#overlay ? null : prefixes;
    if (changed.length === 0 && overlay === null && standIns === null) return;
    this.#overlay = prefixes.join();
    await this.#options.tunnel.setPaths({
      ...(overlay === null ? {} : { overlay: overlay.map((cidr) => parsePrefix(cidr) as Prefix) }),
      peers: changed,
      ...(standIns === null ? {} : { routers: standIns.map((group) => standInChange(group).publicKeys) }),
    });
  }

  #connectedNetworks(): string {
    return localAddresses(this.#options.tunnel.facts.interfaceName)
      .map(({ interfaceName, cidr }) => `${interfaceName} ${cidr}`)
      .join();
  }

  #runIn(wait: number): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    if (wait === Number.POSITIVE_INFINITY || this.#closed) return;
    this.#timer = setTimeout(() => void this.#run(), Math.min(LONGEST_TIMEOUT, Math.max(0, wait) + 1));
  }
}
