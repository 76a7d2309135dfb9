import type { Self } from '../../proto/gen/warren.ts';
import type { CoordinatorClock } from '../control/coordinator-clock.ts';
import type { NetworkMap } from '../mesh/network-map.ts';
import type { OwnRecords } from './own-records.ts';

export interface MapKeeperOptions {
  records: Pick<OwnRecords, 'savedMap' | 'saveMap'>;
  coordinatorClock: CoordinatorClock;
  /** A newer one is held. `self` is what the coordinator's message says of this node, where it does. */
  onTaken: (self: Self | undefined) => void;
  /** What the coordinator has to say to whoever administers this host is something else than it was. */
  onNotices: (before: readonly string[], now: readonly string[]) => void;
  /** Brings host and tunnel to it; whether all of it is in force. Throws what the host refuses of the first one. */
  apply: (map: NetworkMap) => Promise<boolean>;
  /** It is in force. */
  onApplied: (map: NetworkMap) => void;
  /** The first map is in force. */
  onUp: () => void;
  onFailure: (error: unknown) => void;
}

/** The newest map that this agent has: the one of last time first, then the coordinator's. Each is put in force and kept. */
export class MapKeeper {
  readonly #options: MapKeeperOptions;
  #map: NetworkMap | null = null;
  /** Of this run: a saved map's were told by an earlier one. */
  #toldNotices: readonly string[] = [];
  #isUp = false;

  constructor(options: MapKeeperOptions) {
    this.#options = options;
  }

  /** Null while there is none. */
  get map(): NetworkMap | null {
    return this.#map;
  }

  /** What was saved is as good as what the coordinator says, until it says something else. Throws what the host refuses of it. */
  async begin(): Promise<void> {
    const saved = this.#options.records.savedMap();
    if (saved === null) return;
    this.#map = saved.map;
    this.#options.coordinatorClock.remember(saved.clockOffset);
    await this.#apply(saved.map);
  }

  /** The coordinator has a newer one. */
  take(map: NetworkMap, self: Self | undefined): void {
    const before = this.#toldNotices;
    this.#toldNotices = map.self.notices;
    if (before.join('\n') !== map.self.notices.join('\n')) this.#options.onNotices(before, map.self.notices);
    this.#map = map;
    this.#options.onTaken(self);
    this.#apply(map).catch((error: unknown) => this.#options.onFailure(error));
  }

  async #apply(map: NetworkMap): Promise<void> {
    const { records, coordinatorClock, apply, onApplied, onUp } = this.#options;
    if (!(await apply(map))) return;
    records.saveMap(map, coordinatorClock.ahead);
    onApplied(map);
    if (this.#isUp) return;
    this.#isUp = true;
    onUp();
  }
}
