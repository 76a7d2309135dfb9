import { PathReport } from '../../proto/gen/warren.ts';
import type { ToldPath } from '../store/coordinators/coordinators.ts';
import type { Store } from '../store/store.ts';
import type { ReportingStream, Telemetry } from '../telemetry/telemetry.ts';

/** Takes what the agents of one other coordinator tell there, as if they told it here. */
export class PathImport {
  readonly #store: Store;
  readonly #instance: string;
  readonly #telemetry: Telemetry;
  /** By node; null while the node is connected here as well. */
  readonly #streams = new Map<string, ReportingStream | null>();
  #run = '';
  #round = 0;

  constructor(store: Store, instance: string, telemetry: Telemetry) {
    this.#store = store;
    this.#instance = instance;
    this.#telemetry = telemetry;
  }

  /** Takes what is new. `run`: which start of the other coordinator it is; rounds begin anew with it. Throws what the store throws. */
  async poll(run: string): Promise<void> {
    if (run !== this.#run) this.end();
    this.#run = run;
    const { coordinators } = this.#store;
    const { round, paths } = await coordinators.toldSince(this.#instance, this.#round);
    const isAll = this.#round === 0;
    this.#round = round;
    const begun = new Set<string>();
    for (const { nodeId, peerId, report } of paths) {
      if (peerId !== '') continue;
      if (report === null) this.#ended(nodeId);
      else if (!this.#streams.has(nodeId)) this.#streams.set(nodeId, null);
    }
    for (const [nodeId, stream] of this.#streams) {
      if (stream?.isCurrent !== true && this.#begin(nodeId)) begun.add(nodeId);
    }
    for (const row of paths) if (isAll || !begun.has(row.nodeId)) this.#take(row);
    if (isAll) return;
    // Of one that comes here, or back, only a part is among what is new.
    for (const nodeId of begun) {
      for (const row of await coordinators.toldOf(this.#instance, nodeId)) this.#take(row);
    }
  }

  /** The other coordinator has gone, and its agents say nothing there. */
  end(): void {
    for (const nodeId of [...this.#streams.keys()]) this.#ended(nodeId);
    this.#round = 0;
  }

  #begin(nodeId: string): boolean {
    const stream = this.#telemetry.connectElsewhere(nodeId);
    this.#streams.set(nodeId, stream);
    return stream !== null;
  }

  #ended(nodeId: string): void {
    this.#streams.get(nodeId)?.end();
    this.#streams.delete(nodeId);
  }

  #take({ nodeId, report, age }: ToldPath): void {
    const stream = this.#streams.get(nodeId);
    if (stream == null || report === null) return;
    stream.report(PathReport.decode(report), age);
  }
}
