import { type ChoiceReason, choosePath } from './choose.ts';
import { FRESH } from './constants.ts';
import type { Path } from './path.ts';
import type { PathContext } from './path-context.ts';
import { PathInUse } from './path-in-use.ts';

const LONG_AGO = Number.NEGATIVE_INFINITY;

/** The direct path to one peer that answers, or none; and what the driver is told of it, with a relay and without. */
export class CurrentPath {
  readonly inUse: PathInUse;
  readonly #context: PathContext;
  #path: Path | null = null;
  /** The last one that did answer. */
  #last: Path | null = null;
  #isAbsent = false;

  /** The driver is told at once to send by relay, if there is one. */
  constructor(slot: number, context: PathContext, now: number) {
    this.#context = context;
    this.inUse = new PathInUse(slot, context, now);
    this.tell('idle', now);
  }

  get path(): Path | null {
    return this.#path;
  }

  get hasRelay(): boolean {
    return this.#context.relayIsUp && !this.#isAbsent;
  }

  /** Takes the best of those that have answered of late; the present one stays where none is better. */
  choose(paths: Iterable<Path>, now: number): void {
    const usable = [...paths].filter((path) =>
      path === this.#path ? path.provenAt > LONG_AGO : now - path.provenAt <= FRESH,
    );
    const choice = choosePath(this.#path, usable);
    if (choice === null) return;
    this.#path = choice.path;
    if (choice.path !== null) this.#last = choice.path;
    this.tell(choice.why, now);
  }

  /** There is none from now on; `tell` is to follow. */
  drop(): void {
    this.#path = null;
  }

  /** No relay has the peer, or one may have it again. */
  setAbsent(isAbsent: boolean, now: number): void {
    this.#isAbsent = isAbsent;
    this.tell(isAbsent ? 'no relay has it' : 'the relay is back', now);
  }

  /** Tells the driver which way datagrams go. Without a relay to it the last path that answered is better than none. */
  tell(why: ChoiceReason, now: number): void {
    this.inUse.set(this.#path ?? (this.hasRelay ? null : this.#last), why, now);
  }

  /** Where the socket of the last path that answered is closed, that is no way any more, not even the last resort. */
  forgetLast(isClosed: (socket: number) => boolean): void {
    if (this.#last !== null && isClosed(this.#last.socket)) this.#last = null;
  }
}
