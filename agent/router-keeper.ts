import { isDeepStrictEqual } from 'node:util';
import { keyToBase64 } from '../shared/key.ts';
import type { Logger } from '../shared/log.ts';
import type { MapPeer } from './mesh/network-map.ts';
import {
  chooseRouter,
  PREFERRED,
  type RouterChoice,
  type RouterState,
  routerGroups,
} from './mesh/router-choice.ts';
import type { PeerReach } from './paths/path-sink.ts';

/** setTimeout's longest wait. */
const LONGEST_TIMEOUT = 2 ** 31 - 1;

/** For `agent status`: a network that several peers carry. */
export interface RouteInUse {
  /** CIDR. */
  route: string;
  /** Names. */
  router: string;
  standIns: string[];
  /** Why it took the place of another, or that it is preferred; null for neither. */
  why: string | null;
}

type Known = Omit<RouterState, 'nodeId' | 'awaySince' | 'preferred'>;

const LONG_AGO = Number.NEGATIVE_INFINITY;
const NOTHING_KNOWN: Known = { reach: 'unknown', roundTrip: null, backSince: LONG_AGO };

/** Which of several routers each network goes through, by the map and by what the tunnel says while there is traffic. */
export class RouterKeeper {
  readonly #now: () => number;
  readonly #log: Logger;
  readonly #onChange: () => void;
  /** By public key in base64. */
  readonly #known = new Map<string, Known>();
  /** By public key: since when it is away, null for there. */
  readonly #awaySince = new Map<string, number | null>();
  /** By CIDR. */
  #choices = new Map<string, RouterChoice>();
  #peers: readonly MapPeer[] = [];
  #timer: NodeJS.Timeout | null = null;
  #closed = false;

  /** `now`: monotonic milliseconds. `onChange`: another router is to be used for a network than `choose` said last. */
  constructor(now: () => number, onChange: () => void, log: Logger) {
    this.#now = now;
    this.#onChange = onChange;
    this.#log = log;
  }

  /** The node id of the router for each network that several of the peers carry; they are those whose keys are good now. */
  choose(peers: readonly MapPeer[]): ReadonlyMap<string, string> {
    this.#peers = peers;
    const carriers = new Set(routerGroups(peers).flatMap(({ routers }) => routers));
    const keys = new Set(Array.from(carriers, ({ publicKey }) => publicKey));
    for (const { publicKey, online } of carriers) {
      const before = this.#awaySince.get(publicKey);
      const isBack = online && before !== undefined && before !== null;
      // Lost, away for the coordinator too, and there again: it has been started anew.
      if (isBack && this.#known.get(publicKey)?.reach === 'lost')
        this.#known.set(publicKey, { ...NOTHING_KNOWN, backSince: this.#now() });
      this.#awaySince.set(publicKey, online ? null : (before ?? (before === null ? this.#now() : LONG_AGO)));
    }
    for (const map of [this.#known, this.#awaySince])
      for (const key of map.keys()) if (!keys.has(key)) map.delete(key);
    this.#decide();
    return this.#chosen();
  }

  /** What the tunnel says of a router. */
  reached(publicKey: Uint8Array, { kind, roundTrip }: PeerReach): void {
    const key = keyToBase64(publicKey);
    const before = this.#known.get(key) ?? NOTHING_KNOWN;
    // That nothing is sent there any more does not bring it back.
    if (kind === 'unknown' && before.reach === 'lost') return;
    const isBack = before.reach === 'lost' && kind !== 'lost';
    this.#known.set(key, { reach: kind, roundTrip, backSince: isBack ? this.#now() : before.backSince });
    const chosen = this.#chosen();
    this.#decide();
    if (!isDeepStrictEqual(chosen, this.#chosen())) this.#onChange();
  }

  status(): RouteInUse[] {
    return routerGroups(this.#peers).map(({ route, routers }) => {
      const choice = this.#choices.get(route);
      const isUsed = ({ nodeId }: MapPeer) => nodeId === choice?.nodeId;
      return {
        route,
        router: routers.find(isUsed)?.name ?? '',
        standIns: routers.filter((router) => !isUsed(router)).map(({ name }) => name),
        why: choice?.why ?? null,
      };
    });
  }

  close(): void {
    this.#closed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  #chosen(): ReadonlyMap<string, string> {
    return new Map(Array.from(this.#choices, ([route, { nodeId }]) => [route, nodeId]));
  }

  #decide(): void {
    const now = this.#now();
    const choices = new Map<string, RouterChoice>();
    for (const { route, routers } of routerGroups(this.#peers)) {
      const before = this.#choices.get(route) ?? null;
      const states = routers.map((router) => this.#stateOf(router, route));
      const choice = chooseRouter(before, states, now);
      if (before !== null && choice.nodeId !== before.nodeId) this.#tell(route, before, choice);
      // Why it once took its place stays true; that it is preferred may not.
      else if (before?.why !== PREFERRED) choice.why ??= before?.why ?? null;
      choices.set(route, choice);
    }
    this.#choices = choices;
    this.#lookAgain(now);
  }

  #stateOf({ nodeId, publicKey, preferredRoutes }: MapPeer, route: string): RouterState {
    const awaySince = this.#awaySince.get(publicKey) ?? null;
    const preferred = preferredRoutes.includes(route);
    return { nodeId, preferred, awaySince, ...(this.#known.get(publicKey) ?? NOTHING_KNOWN) };
  }

  #tell(route: string, before: RouterChoice, { nodeId, why }: RouterChoice): void {
    const name = (id: string) => this.#peers.find((peer) => peer.nodeId === id)?.name ?? id;
    this.#log.info({ route, from: name(before.nodeId), to: name(nodeId), why }, 'another router');
  }

  /** A better router that stays so takes over although nothing is told. */
  #lookAgain(now: number): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    const at = Math.min(...Array.from(this.#choices.values(), ({ lookAgainAt }) => lookAgainAt));
    if (at === Number.POSITIVE_INFINITY || this.#closed) return;
    this.#timer = setTimeout(
      () => {
        const chosen = this.#chosen();
        this.#decide();
        if (!isDeepStrictEqual(chosen, this.#chosen())) this.#onChange();
      },
      Math.min(LONGEST_TIMEOUT, Math.max(0, at - now) + 1),
    );
    this.#timer.unref();
  }
}
