import { setTimeout as sleep } from 'node:timers/promises';
import { describeError, WarrenError } from '../../shared/errors.ts';
import type { Logger } from '../../shared/log.ts';
import { Closing } from './closing.ts';

/** Less than who stops an agent waits, milliseconds. */
const FAREWELL = 3_000;

/** How the agent ended: asked to, having left the network, or because it can do nothing more. */
export type DaemonEnd = { kind: 'stopped' } | { kind: 'left' } | { kind: 'failed'; error: WarrenError };

/** What an end asks of the parts of the agent that are there by then. */
export interface LivingParts {
  /** Whether the node is to leave the network when it is stopped. */
  leavesWhenStopped(): boolean;
  /** Tells the coordinator that the node leaves; whether it knows now. Throws what keeps it from hearing, unless `force`. */
  leave(force: boolean): Promise<boolean>;
  /** What is to stay on the host stays: the agent failed, having begun its work or (`hasStarted` false) not. */
  keepGuard(hasStarted: boolean): void;
}

/** From start to end: whoever asks for the end, and whenever, everything is closed once, and how it ended is told. */
export class Life {
  /** Settles when the agent has ended and nothing of it is left on the host. */
  readonly ended: Promise<DaemonEnd>;
  /** What begins belongs in here. */
  readonly closing: Closing;
  readonly #log: Logger;
  readonly #farewell: number;
  readonly #ending = new AbortController();
  readonly #end = Promise.withResolvers<DaemonEnd>();
  #parts: LivingParts | null = null;
  #starting = Promise.resolve();
  /** The coordinator is being told that this node leaves: that it then no longer knows it is no failure. */
  #isLeaving = false;

  /** `farewell`: how long the coordinator may take to hear that an ephemeral node leaves, milliseconds. */
  constructor(log: Logger, farewell = FAREWELL) {
    this.#log = log;
    this.#farewell = farewell;
    this.closing = new Closing(log);
    this.ended = this.#end.promise.then(async (end) => {
      if (end.kind === 'failed') this.#parts?.keepGuard(true);
      this.#ending.abort();
      await this.#starting.catch(() => {});
      await this.closing.close();
      return end;
    });
  }

  /** Aborted when the end has come: nothing more is to begin. */
  get ending(): AbortSignal {
    return this.#ending.signal;
  }

  /** Begins with `begin`; throws what that throws, with nothing left behind. */
  async start(begin: () => Promise<void>): Promise<void> {
    this.#starting = begin();
    try {
      await this.#starting;
    } catch (error) {
      this.#parts?.keepGuard(false);
      this.#end.resolve({ kind: 'stopped' });
      await this.ended;
      throw error;
    }
  }

  /** They are there from now on. */
  has(parts: LivingParts): void {
    this.#parts = parts;
  }

  /** Asks it to end. An ephemeral node leaves the network, if the coordinator is there to be told. */
  stop(): void {
    if (this.#parts?.leavesWhenStopped() !== true || this.ending.aborted) this.#finish({ kind: 'stopped' });
    else if (!this.#isLeaving) void this.#leaveOrStop();
  }

  /** Leaves the network and ends; whether the coordinator knows. Throws what keeps it from hearing, and goes on, unless `force`. */
  async leave(force: boolean): Promise<{ told: boolean }> {
    this.#isLeaving = true;
    try {
      const told = (await this.#parts?.leave(force)) ?? false;
      this.#finish({ kind: 'left' });
      return { told };
    } catch (error) {
      this.#isLeaving = false;
      throw error;
    }
  }

  /** It can do nothing more. */
  fail(error: unknown): void {
    const known =
      error instanceof WarrenError
        ? error
        : new WarrenError('internal', describeError(error), { cause: error });
    this.#finish({ kind: 'failed', error: known });
  }

  /** The coordinator no longer knows this node. */
  refused(error: WarrenError): void {
    if (!this.#isLeaving) this.fail(error);
  }

  async #leaveOrStop(): Promise<void> {
    const late = sleep(this.#farewell, undefined, { ref: false }).then(() => {
      throw new WarrenError('unavailable', 'the coordinator does not answer');
    });
    await Promise.race([this.leave(false), late]).catch((error: unknown) => {
      this.#log.warn(
        { reason: describeError(error) },
        'stopped without leaving: an ephemeral node is removed later',
      );
      this.#finish({ kind: 'stopped' });
    });
  }

  #finish(end: DaemonEnd): void {
    if (this.ending.aborted) return;
    this.#ending.abort();
    // What was asked for over the local API is answered before its socket goes.
    setImmediate(() => this.#end.resolve(end));
  }
}
