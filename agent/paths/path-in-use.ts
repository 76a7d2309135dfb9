import type { ChoiceReason } from './choose.ts';
import type { Path } from './path.ts';
import type { PathContext } from './path-context.ts';
import type { PathView } from './path-sink.ts';

/** The way that the driver was told to send a peer's datagrams by, and how it came to that. */
export class PathInUse {
  /** Null: by relay. Undefined before the driver was told anything. */
  path: Path | null | undefined;
  why: ChoiceReason | 'nothing tried yet' = 'nothing tried yet';
  since: number;
  changes = 0;
  readonly #slot: number;
  readonly #context: PathContext;

  constructor(slot: number, context: PathContext, now: number) {
    this.#slot = slot;
    this.#context = context;
    this.since = now;
  }

  /** Tells the driver, and reports the change, if it is one. */
  set(path: Path | null, why: ChoiceReason, now: number): void {
    const before = this.path;
    if (path === before) return;
    const { sink, counters } = this.#context;
    this.path = path;
    sink.use(this.#slot, path);
    if (before === undefined) return;
    this.why = why;
    this.since = now;
    this.changes++;
    counters.add('path-changes');
    const [from, to] = [viewOf(before), viewOf(path)];
    sink.event({ kind: 'path-changed', slot: this.#slot, from, to, why });
  }

  get view(): PathView | null {
    return viewOf(this.path ?? null);
  }
}

export function viewOf(path: Path): PathView;
export function viewOf(path: Path | null): PathView | null;
export function viewOf(path: Path | null): PathView | null {
  if (path === null) return null;
  const { socket, address, kind, class: pathClass, roundTrip } = path;
  return { socket, address, kind, class: pathClass, roundTrip };
}
