import type { Report, Self } from '../../proto/gen/warren.ts';
import type { Clock } from '../../shared/clock.ts';
import type { WarrenError } from '../../shared/errors.ts';
import type { Logger } from '../../shared/log.ts';
import type { CoordinatorClock } from '../control/coordinator-clock.ts';
import type { SyncClient } from '../control/sync-client.ts';
import { coordinatorUrls } from '../mesh/coordinator-urls.ts';
import type { NetworkMap } from '../mesh/network-map.ts';
import type { EndpointReport } from '../own-endpoints-keeper.ts';
import type { PathReporter, PathsNow } from '../path-reporter.ts';
import type { OwnRecords } from './own-records.ts';

export interface CoordinatorLinkOptions {
  records: Pick<OwnRecords, 'identity' | 'settings' | 'saveIdentity'>;
  /** The one held. */
  map: () => NetworkMap | null;
  /** How peers are reached now. */
  paths: () => Promise<PathsNow>;
  /** All ways to the coordinator by its URLs, best first. */
  waysTo: (urls: readonly string[]) => readonly string[];
  onMap: (map: NetworkMap, self: Self | undefined) => void;
  /** It no longer knows this node. */
  onRefused: (error: WarrenError) => void;
  coordinatorClock: CoordinatorClock;
  clock: Clock;
  log: Logger;
  ending: AbortSignal;
}

/**
 * The coordinator: what it is told of this host and its paths, and the maps that come from it. Its code, with gRPC, is loaded when
 * the mesh is up by the saved map: that takes a tenth of a second that nothing else waits for.
 */
export class CoordinatorLink {
  readonly #options: CoordinatorLinkOptions;
  #sync: SyncClient | null = null;
  #reporter: PathReporter | null = null;
  #report: Report | null = null;

  constructor(options: CoordinatorLinkOptions) {
    this.#options = options;
  }

  /** Whether it is there. */
  get isConnected(): boolean {
    return this.#sync?.connected ?? false;
  }

  async start(): Promise<void> {
    const [{ SyncClient }, { PathReporter }] = await Promise.all([
      import('../control/sync-client.ts'),
      import('../path-reporter.ts'),
    ]);
    const { records, map, paths, waysTo, onMap, onRefused, coordinatorClock, clock, log, ending } =
      this.#options;
    if (ending.aborted) return;
    const reporter = new PathReporter(
      paths,
      (report) => this.#sync?.reportPaths(report) ?? false,
      () => clock.monotonic(),
    );
    const sync = new SyncClient(
      { identity: () => records.identity, map: map(), clock, coordinatorClock, log },
      {
        onMap,
        waysTo,
        onConnected: (isConnected) => {
          if (isConnected) reporter.reset();
        },
        onWatch: (interval) => reporter.watch(interval),
        onRefused,
        onIdentity: (identity) => records.saveIdentity(identity),
      },
    );
    this.#reporter = reporter;
    this.#sync = sync;
    if (this.#report !== null) sync.report(this.#report);
    sync.start();
  }

  /** Where this host can be reached is told, and what its user offers and accepts. */
  report({ reachable, ...endpoints }: EndpointReport): void {
    const { acceptRoutes, advertiseRoutes, mappings, advertiseExitNode, segments } =
      this.#options.records.settings;
    this.#report = {
      ...endpoints,
      segments: segments.map(({ name }) => name),
      reach: { endpoints: reachable, acceptsRoutes: acceptRoutes },
      offers: { routes: advertiseRoutes, exitNode: advertiseExitNode, tags: [], mappings },
    };
    this.#sync?.report(this.#report);
  }

  /** Some path is another, or somebody else carries something. */
  pathsChanged(): void {
    this.#reporter?.changed();
  }

  /** Connects anew at once: this host has lost an address. */
  reconnect(): void {
    this.#sync?.reconnect();
  }

  /** Tells it that this node leaves; whether it knows now. Throws what keeps it from hearing, unless `force`. */
  async leave(force: boolean): Promise<boolean> {
    const { leaveNetwork } = await import('../control/leave-network.ts');
    const { records, map } = this.#options;
    const urls = coordinatorUrls(records.identity.urls, map());
    return leaveNetwork({ ...records.identity, urls }, force);
  }

  close(): void {
    this.#sync?.close();
    this.#reporter?.close();
  }
}
