import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { isExpired } from './network/joining.ts';
import { standingOf } from './network/standing.ts';
import type { RelayCounters } from './relay/counters.ts';
import type { NodeRecord } from './store/contract/nodes.ts';
import type { StunCounters } from './stun/serve-stun.ts';

/** Seconds: from what memory answers to what is worth a look. */
const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];

/** What the metrics are taken from at each scrape: memory alone, so that they are there when the database is not. */
export interface MetricSources {
  nodes(): Iterable<NodeRecord>;
  mapVersion(): number;
  streams(): number;
  relayClients(): number;
  relay: Readonly<RelayCounters>;
  stun: Readonly<StunCounters>;
  /** The coordinator's clock. */
  now(): number;
}

/** What a coordinator tells Prometheus. No name, address or key is in it. */
export class Metrics {
  readonly #registry = new Registry();
  readonly #requests: Histogram<'method' | 'route' | 'status'>;
  readonly #store: Histogram<'operation'>;
  readonly #storeErrors: Counter<'operation' | 'code'>;
  readonly #joins: Counter<'result'>;

  constructor() {
    const registers = [this.#registry];
    collectDefaultMetrics({ register: this.#registry });
    this.#requests = new Histogram({
      name: 'warren_http_request_seconds',
      help: 'How long requests to the web admin and its API took.',
      labelNames: ['method', 'route', 'status'],
      buckets: BUCKETS,
      registers,
    });
    this.#store = new Histogram({
      name: 'warren_store_seconds',
      help: 'How long operations of the store took.',
      labelNames: ['operation'],
      buckets: BUCKETS,
      registers,
    });
    this.#storeErrors = new Counter({
      name: 'warren_store_errors_total',
      help: 'Operations of the store that were refused or failed.',
      labelNames: ['operation', 'code'],
      registers,
    });
    this.#joins = new Counter({
      name: 'warren_joins_total',
      help: 'Requests to join, by what came of them.',
      labelNames: ['result'],
      registers,
    });
    for (const result of ['ok', 'refused', 'failed']) this.#joins.inc({ result }, 0);
  }

  /** Adds what can be read from the parts of a coordinator once they are there. */
  watch(sources: MetricSources): void {
    const { relay, stun } = sources;
    this.#gauge('warren_nodes', 'Members of the network.', 'state', () => countNodes(sources));
    this.#gauge('warren_map_version', 'Version of the network map.', null, () => [
      [null, sources.mapVersion()],
    ]);
    this.#gauge('warren_streams', 'Agents connected to this coordinator.', null, () => [
      [null, sources.streams()],
    ]);
    this.#gauge('warren_relay_clients', "Nodes connected to this coordinator's relay.", null, () => [
      [null, sources.relayClients()],
    ]);
    this.#count('warren_relay_bytes_total', 'Bytes of datagrams at the relay.', 'direction', () => [
      ['received', relay.receivedBytes],
      ['relayed', relay.relayedBytes],
    ]);
    this.#count('warren_relay_packets_total', 'Datagrams at the relay.', 'direction', () => [
      ['received', relay.receivedPackets],
      ['relayed', relay.relayedPackets],
    ]);
    this.#count('warren_relay_dropped_total', 'Datagrams that the relay dropped.', 'reason', () => [
      ['queue', relay.droppedQueue],
      ['rate', relay.droppedRate],
      ['absent', relay.droppedAbsent],
      ['forbidden', relay.droppedForbidden],
      ['malformed', relay.malformed],
    ]);
    this.#count('warren_stun_requests_total', 'STUN requests, by what came of them.', 'result', () => [
      ['answered', stun.answered],
      ['malformed', stun.malformed],
      ['refused', stun.tooShort],
    ]);
  }

  request(method: string, route: string, status: number, seconds: number): void {
    this.#requests.observe({ method, route, status: String(status) }, seconds);
  }

  /** `code` is null for what went well. */
  storeOperation(operation: string, seconds: number, code: string | null): void {
    this.#store.observe({ operation }, seconds);
    if (code !== null) this.#storeErrors.inc({ operation, code });
    if (operation !== 'join') return;
    this.#joins.inc({ result: code === null ? 'ok' : code === 'unauthenticated' ? 'refused' : 'failed' });
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  /** In Prometheus' text format. */
  text(): Promise<string> {
    return this.#registry.metrics();
  }

  #gauge(name: string, help: string, label: string | null, read: () => [string | null, number][]): void {
    new Gauge({
      name,
      help,
      labelNames: label === null ? [] : [label],
      registers: [this.#registry],
      collect() {
        for (const [value, number] of read()) {
          if (label === null || value === null) this.set(number);
          else this.set({ [label]: value }, number);
        }
      },
    });
  }

  #count(name: string, help: string, label: string, read: () => [string, number][]): void {
    new Counter({
      name,
      help,
      labelNames: [label],
      registers: [this.#registry],
      collect() {
        this.reset();
        for (const [value, number] of read()) this.inc({ [label]: value }, number);
      },
    });
  }
}

function countNodes({ nodes, now }: MetricSources): [string, number][] {
  const counts = { total: 0, online: 0, unapproved: 0, disabled: 0, expired: 0 };
  const at = now();
  for (const node of nodes()) {
    counts.total++;
    if (node.online) counts.online++;
    if (isExpired(node.keyExpiresAt, at)) counts.expired++;
    const standing = standingOf(node);
    if (standing !== 'member') counts[standing]++;
  }
  return Object.entries(counts);
}
