import type { Clock } from '../../shared/clock.ts';
import { describeError, WarrenError } from '../../shared/errors.ts';
import type { Logger } from '../../shared/log.ts';
import type { CoordinatorRecord } from '../store/coordinators/coordinators.ts';
import type { Store } from '../store/store.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import { PathExport } from './path-export.ts';
import { PathImport } from './path-import.ts';

/** A coordinator says that it is there this often, and one that was silent for three times as long is dead. Milliseconds. */
export const BEAT_INTERVAL = 5_000;
export const SILENCE_LIMIT = 3 * BEAT_INTERVAL;
const TICK = 1_000;

export interface FellowsOptions {
  store: Store;
  telemetry: Telemetry;
  clock: Clock;
  log: Logger;
  instance: string;
  /** Another at each start. */
  run: string;
  /** The others took this coordinator for dead: what it said of its agents' presence has to be said again. */
  onForgotten(): void;
  /** A newer release has the database now. */
  onOutdated(error: WarrenError): void;
}

interface Fellow {
  record: CoordinatorRecord;
  /** When it was last seen to move on, by this coordinator's clock. */
  movedAt: number;
  paths: PathImport;
}

/**
 * The other coordinators of one database, which is all by which they know each other. Each writes down that it lives, and what its
 * agents tell of their paths; whoever is silent has its agents' presence taken back by the others, the first of which does it.
 */
export class Fellows {
  readonly #options: FellowsOptions;
  readonly #export: PathExport;
  readonly #known = new Map<string, Fellow>();
  readonly #timer: NodeJS.Timeout;
  #ticking: Promise<void> | null = null;
  #beatAt = Number.NEGATIVE_INFINITY;
  #lookedAt = Number.NEGATIVE_INFINITY;
  #exchangedAt = Number.NEGATIVE_INFINITY;
  /** As JSON: what people look at here, and at the others. */
  #watches = '[]';
  #watchesElsewhere = '[]';
  #isAway = false;

  private constructor(options: FellowsOptions) {
    this.#options = options;
    const { store, instance, telemetry, clock } = options;
    this.#export = new PathExport(store, instance, telemetry, clock);
    this.#timer = setInterval(() => void this.tick(), TICK);
  }

  /** Says that this coordinator is there from now on. Throws what the store throws. */
  static async join(options: FellowsOptions): Promise<Fellows> {
    const { store, instance, run } = options;
    // What the one before it left there, which was killed.
    await store.coordinators.leave(instance);
    await store.coordinators.beat({ instance, run, watches: [] });
    return new Fellows(options);
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#ticking;
    this.#export.close();
    await this.#options.store.coordinators.leave(this.#options.instance);
  }

  /** Does what there is to be done now; a call while it is under way is that one. Never rejects. */
  tick(): Promise<void> {
    this.#ticking ??= this.#run().finally(() => {
      this.#ticking = null;
    });
    return this.#ticking;
  }

  async #run(): Promise<void> {
    const { log, clock, onOutdated } = this.#options;
    try {
      await this.#beat();
      await this.#look();
      await this.#exchange();
      this.#isAway = false;
    } catch (error) {
      if (error instanceof WarrenError && error.code === 'incompatible') return onOutdated(error);
      if (!this.#isAway) log.warn({ reason: describeError(error) }, 'no word of the other coordinators');
      this.#isAway = true;
      // What was told is gone if the database crashed: then all of it is told again.
      this.#export.again();
      // Nobody could say anything: that is nobody's silence.
      for (const fellow of this.#known.values()) fellow.movedAt = clock.monotonic();
    }
  }

  async #beat(): Promise<void> {
    const { store, telemetry, clock, instance, run } = this.#options;
    const watches = telemetry.watches();
    const text = JSON.stringify(watches);
    if (clock.monotonic() - this.#beatAt < BEAT_INTERVAL && text === this.#watches) return;
    const wasKnown = await store.coordinators.beat({ instance, run, watches });
    this.#beatAt = clock.monotonic();
    this.#watches = text;
    if (wasKnown) return;
    this.#options.onForgotten();
    this.#export.again();
  }

  async #look(): Promise<void> {
    const { store, telemetry, clock, log, instance } = this.#options;
    const isDue = this.#known.size > 0 || clock.monotonic() - this.#lookedAt >= BEAT_INTERVAL;
    if (!isDue) return;
    const records = await store.coordinators.others(instance);
    this.#lookedAt = clock.monotonic();
    for (const record of records) {
      const fellow = this.#known.get(record.instance);
      if (fellow === undefined) {
        const paths = new PathImport(store, record.instance, telemetry);
        this.#known.set(record.instance, { record, movedAt: this.#lookedAt, paths });
      } else {
        const { run, beat } = fellow.record;
        if (run !== record.run || beat !== record.beat) fellow.movedAt = this.#lookedAt;
        fellow.record = record;
      }
    }
    for (const [name, fellow] of this.#known) {
      const isListed = records.some((record) => record.instance === name);
      if (isListed && this.#lookedAt - fellow.movedAt < SILENCE_LIMIT) continue;
      if (isListed && (await store.coordinators.end(fellow.record, clock.wall())))
        log.warn({ coordinator: name }, 'another coordinator is dead; its agents are online no longer');
      fellow.paths.end();
      this.#known.delete(name);
    }
    const watches = [...this.#known.values()].flatMap(({ record }) => record.watches);
    if (JSON.stringify(watches) !== this.#watchesElsewhere) {
      this.#watchesElsewhere = JSON.stringify(watches);
      telemetry.watchedElsewhere(watches);
    }
  }

  /** What agents tell, to and fro: at once while anybody looks, else now and then. */
  async #exchange(): Promise<void> {
    this.#export.switch(this.#known.size > 0);
    if (this.#known.size === 0) return;
    const now = this.#options.clock.monotonic();
    const isWatched = this.#watches !== '[]' || this.#watchesElsewhere !== '[]';
    if (!isWatched && now - this.#exchangedAt < BEAT_INTERVAL) return;
    this.#exchangedAt = now;
    await this.#export.flush();
    for (const { record, paths } of this.#known.values()) {
      if (record.run !== '') await paths.poll(record.run);
    }
  }
}
