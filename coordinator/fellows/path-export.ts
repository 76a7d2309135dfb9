import type { Clock } from '../../shared/clock.ts';
import type { ToldPath } from '../store/coordinators/coordinators.ts';
import type { Store } from '../store/store.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import { endRow, nodeRow, pathRow } from './path-rows.ts';

/** Rows in one statement. */
const MOST_ROWS = 500;

/** Writes down for other coordinators what the agents of this one tell: what is new since the last time. */
export class PathExport {
  readonly #store: Store;
  readonly #instance: string;
  readonly #telemetry: Telemetry;
  readonly #clock: Clock;
  readonly #stop: () => void;
  /** Peers by the node that told of them; the node itself is an empty one. */
  #news = new Map<string, Set<string>>();
  /** Nodes that the others were told of. */
  readonly #told = new Set<string>();
  #isOn = false;
  #round = 0;

  constructor(store: Store, instance: string, telemetry: Telemetry, clock: Clock) {
    this.#store = store;
    this.#instance = instance;
    this.#telemetry = telemetry;
    this.#clock = clock;
    this.#stop = telemetry.listen({
      node: (id) => this.#isNew(id, ''),
      edge: (teller, peerId) => this.#isNew(teller, peerId),
    });
  }

  close(): void {
    this.#stop();
  }

  /** While there is no other coordinator nothing is kept for it: one that comes later gets all. */
  switch(isOn: boolean): void {
    if (this.#isOn === isOn) return;
    this.#isOn = isOn;
    this.#news.clear();
    this.#told.clear();
    this.again();
  }

  /** Has all of it written anew: what was written may be lost. */
  again(): void {
    for (const nodeId of this.#told) this.#isNew(nodeId, '');
    for (const { id, peers } of this.#telemetry.states()) {
      this.#isNew(id, '');
      for (const peerId of peers.keys()) this.#isNew(id, peerId);
    }
  }

  /** Throws what the store throws; what could not be written is written the next time. */
  async flush(): Promise<void> {
    const news = this.#news;
    this.#news = new Map();
    try {
      const rows = this.#rows(news);
      for (let at = 0; at < rows.length; at += MOST_ROWS) {
        await this.#store.coordinators.tell(this.#instance, ++this.#round, rows.slice(at, at + MOST_ROWS));
      }
    } catch (error) {
      for (const [nodeId, peers] of news) for (const peerId of peers) this.#isNew(nodeId, peerId);
      throw error;
    }
  }

  #isNew(nodeId: string, peerId: string): void {
    if (!this.#isOn) return;
    const peers = this.#news.get(nodeId) ?? new Set();
    this.#news.set(nodeId, peers.add(peerId));
  }

  #rows(news: ReadonlyMap<string, ReadonlySet<string>>): ToldPath[] {
    const time = { now: this.#clock.wall(), monotonic: this.#clock.monotonic() };
    const rows: ToldPath[] = [];
    for (const [nodeId, peers] of news) {
      const state = this.#telemetry.of(nodeId);
      if (state === undefined || !this.#telemetry.isConnectedHere(nodeId)) {
        if (this.#told.delete(nodeId)) rows.push(endRow(nodeId));
        continue;
      }
      const isFirst = !this.#told.has(nodeId);
      this.#told.add(nodeId);
      if (isFirst || peers.has('')) rows.push(nodeRow(state, this.#telemetry, time.now));
      for (const peerId of isFirst ? state.peers.keys() : peers) {
        const row = peerId === '' ? null : pathRow(state, peerId, time);
        if (row !== null) rows.push(row);
      }
    }
    return rows;
  }
}
