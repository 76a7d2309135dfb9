import type { Clock } from '../shared/clock.ts';
import { WarrenError } from '../shared/errors.ts';
import { PeerNames } from './capture/peer-names.ts';
import type { ExitKeeper } from './exit-keeper.ts';
import type { FlowTracking } from './flows/flow-tracking.ts';
import type { FlowsAnswer } from './flows/mesh-flows.ts';
import { type PingResult, pingAddress } from './host/ping.ts';
import type { NetworkMap } from './mesh/network-map.ts';
import type { NameService } from './names/name-service.ts';
import type { PathKeeper } from './path-keeper.ts';
import type { PathsNow } from './path-reporter.ts';
import { pathWords } from './path-words.ts';
import type { Reconciler } from './reconciler.ts';
import type { RelayStatus } from './relay/relays.ts';
import { routingStatus } from './route-status.ts';
import type { RouterKeeper } from './router-keeper.ts';
import type { Identity, Settings } from './state/records.ts';
import { type PeerStatus, type Status, statusOf } from './status.ts';
import type { Tunnel } from './tunnel/tunnel.ts';

/** As many flows are told at once. */
const MOST_FLOWS = 1_000;

/** What `agent ping` is answered. */
export type PingAnswer = PingResult &
  Pick<PeerStatus, 'name' | 'path' | 'endpoint'> & {
    address: string;
    /** The path and why, in words, and what would help. */
    explanation: string;
    advice: string | null;
  };

/** The parts of a running agent that know something, asked each time. */
export interface AnswerSources {
  map: () => NetworkMap | null;
  identity: () => Identity;
  settings: () => Settings;
  tunnel: Pick<Tunnel, 'facts' | 'snapshot'>;
  /** Whether the coordinator is there. */
  connected: () => boolean;
  /** Own ones, as reported. */
  endpoints: () => string[];
  relays: () => readonly RelayStatus[];
  /** What path discovery knows of this host's NAT. */
  paths: Pick<PathKeeper, 'nat' | 'reflexive'>;
  portMapping: () => { endpoint: string; protocol: string } | null;
  names: Pick<NameService, 'status'>;
  exit: Pick<ExitKeeper, 'status'>;
  routers: Pick<RouterKeeper, 'status'>;
  /** What this host cannot have, and by which nodes it reaches what is behind nodes. */
  reconciler: Pick<Reconciler, 'notes' | 'carriers'>;
  flowTracking: Pick<FlowTracking, 'want'>;
  clock: Clock;
}

/** What a running agent tells of itself: to `agent status` and the other verbs, to its coordinator, and to Prometheus. */
export class LocalAnswers {
  readonly #from: AnswerSources;
  /** Of the last ping to each node, milliseconds. */
  readonly #latencies = new Map<string, number>();

  constructor(from: AnswerSources) {
    this.#from = from;
  }

  async status(): Promise<Status> {
    const from = this.#from;
    const { tunnel } = from;
    const { advertiseRoutes, mappings, acceptRoutes } = from.settings();
    const offered = { routes: advertiseRoutes, mappings, acceptRoutes };
    return statusOf({
      map: from.map(),
      identity: from.identity(),
      facts: tunnel.facts,
      snapshot: await tunnel.snapshot(),
      connected: from.connected(),
      endpoints: from.endpoints(),
      latencies: this.#latencies,
      relays: from.relays(),
      nat: from.paths.nat,
      outside: from.paths.reflexive,
      portMapping: from.portMapping(),
      names: from.names.status(),
      exit: from.exit.status(),
      routing: routingStatus(from.map(), offered, from.routers.status(), from.reconciler.notes),
      now: from.clock.wall(),
    });
  }

  /** What the coordinator is told of paths. */
  async paths(): Promise<PathsNow> {
    const status = await this.status();
    const nodeIds = new Map(
      (this.#from.map()?.peers ?? []).map(({ publicKey, nodeId }) => [publicKey, nodeId]),
    );
    const { paths, reconciler, clock } = this.#from;
    return { status, nat: paths.nat, carriers: reconciler.carriers, nodeIds, now: clock.wall() };
  }

  /** In the text format of Prometheus. */
  async metrics(): Promise<string> {
    const { exposition } = await import('./metrics/exposition.ts');
    return exposition(await this.status(), this.#from.paths.nat, process.memoryUsage.rss());
  }

  /** One ping through the tunnel, to a peer by name or to an overlay address. Throws `not-found` for what is neither. */
  async ping(args: unknown): Promise<PingAnswer> {
    const { target } = (args ?? {}) as { target?: unknown };
    const peer = this.#from
      .map()
      ?.peers.find((each) => each.name === target || each.addresses.includes(String(target)));
    if (peer === undefined || typeof target !== 'string') {
      throw new WarrenError('not-found', `no peer has the name or address ${JSON.stringify(target)}`, {
        hint: '`agent status` shows those there are',
      });
    }
    const address = peer.addresses.includes(target) ? target : (peer.addresses[0] as string);
    const result = await pingAddress(address);
    if (result.milliseconds !== null) this.#latencies.set(peer.nodeId, result.milliseconds);
    const { self, peers } = await this.status();
    const status = peers.find((each) => each.publicKey === peer.publicKey) as PeerStatus;
    const { path: explanation, advice } = pathWords(status, self, this.#from.clock.wall());
    const { path, endpoint } = status;
    return { ...result, name: peer.name, address, path, endpoint, explanation, advice };
  }

  /** Who talks to whom through the mesh. */
  async flows(): Promise<FlowsAnswer> {
    const [{ trackedConnections }, { meshFlows }] = await Promise.all([
      import('./flows/conntrack-table.ts'),
      import('./flows/mesh-flows.ts'),
    ]);
    const tracking = await this.#from.flowTracking.want();
    const { self, peers } = await this.status();
    const names = new PeerNames(peers);
    return {
      ...meshFlows(trackedConnections(), self, (address) => names.of(address), MOST_FLOWS),
      ...tracking,
    };
  }
}
