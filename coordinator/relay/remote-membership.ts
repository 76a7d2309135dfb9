import type { RelayMembers, RelayPair } from '../../proto/gen/warren.ts';
import type { Clock } from '../../shared/clock.ts';
import { WarrenError } from '../../shared/errors.ts';
import { keyExpired, STRANGER } from '../grpc/caller.ts';
import { isExpired } from '../network/joining.ts';
import { commonName } from './certificate-name.ts';
import type { Membership } from './membership.ts';
import { Watchers } from './watchers.ts';

/** Verdicts kept; the one longest unused is forgotten first. */
const MAX_VERDICTS = 100_000;
/** How long a question may stay open, milliseconds: what waits for it is then lost. */
const PATIENCE = 2_000;
const TICK = 1_000;

interface Verdict {
  allowed: boolean;
  /** Things have changed since; it holds until the answer to the same question comes. */
  isOld: boolean;
}

interface Question {
  answer: Promise<boolean>;
  settle: (allowed: boolean) => void;
  askedAt: number;
}

/**
 * Membership as a relay on a host of its own has it from the coordinator: who is a member is told, who may meet whom is asked
 * for once per pair that talks. While the coordinator is away all that is known goes on to count; what is not known is no.
 */
export class RemoteMembership implements Membership {
  readonly #clock: Clock;
  /** Sends a question; false if there is nobody to ask. */
  readonly #ask: (pair: RelayPair) => boolean;
  readonly #watchers = new Watchers();
  readonly #verdicts = new Map<string, Verdict>();
  readonly #questions = new Map<string, Question>();
  readonly #timer: NodeJS.Timeout;
  /** Expiry by node id; null before anything was heard. */
  #members: Map<string, number> | null = null;

  constructor(clock: Clock, ask: (pair: RelayPair) => boolean) {
    this.#clock = clock;
    this.#ask = ask;
    this.#timer = setInterval(() => this.#tick(), TICK);
  }

  /** All members, instead of those known. */
  replace({ members }: RelayMembers): void {
    this.#members = new Map(members.map(({ nodeId, keyExpiresAt }) => [nodeId, Number(keyExpiresAt)]));
    this.#changed();
  }

  change({ members, removedNodeIds }: RelayMembers): void {
    const known = this.#members ?? new Map<string, number>();
    this.#members = known;
    for (const { nodeId, keyExpiresAt } of members) known.set(nodeId, Number(keyExpiresAt));
    for (const nodeId of removedNodeIds) known.delete(nodeId);
    this.#changed();
  }

  verdict(pair: RelayPair, allowed: boolean): void {
    const key = keyOf(pair.a, pair.b);
    const question = this.#questions.get(key);
    // Only what was asked for is answered.
    if (question === undefined) return;
    this.#questions.delete(key);
    this.#verdicts.delete(key);
    this.#verdicts.set(key, { allowed, isOld: false });
    if (this.#verdicts.size > MAX_VERDICTS) {
      const [oldest] = this.#verdicts.keys();
      this.#verdicts.delete(oldest as string);
    }
    question.settle(allowed);
  }

  async admit(certificate: Uint8Array | undefined): Promise<string> {
    const nodeId = certificate === undefined ? null : commonName(certificate);
    if (nodeId === null) throw STRANGER();
    if (this.#members === null) {
      throw new WarrenError('unavailable', 'this relay has not heard of its coordinator yet');
    }
    const why = this.#reason(nodeId);
    if (why !== null) throw why;
    return nodeId;
  }

  mayMeet(a: string, b: string): boolean | Promise<boolean> {
    if (a === b || this.#reason(a) !== null || this.#reason(b) !== null) return false;
    const key = keyOf(a, b);
    const verdict = this.#verdicts.get(key);
    if (verdict !== undefined) {
      if (verdict.isOld) void this.#question(key, a, b);
      return verdict.allowed;
    }
    return this.#question(key, a, b);
  }

  watch(nodeId: string, gone: (why: WarrenError) => void): () => void {
    const unwatch = this.#watchers.add(nodeId, gone);
    this.#check();
    return unwatch;
  }

  close(): void {
    clearInterval(this.#timer);
    for (const { settle } of this.#questions.values()) settle(false);
    this.#questions.clear();
  }

  #question(key: string, a: string, b: string): Promise<boolean> {
    const open = this.#questions.get(key);
    if (open !== undefined) return open.answer;
    let settle: (allowed: boolean) => void = () => {};
    const answer = new Promise<boolean>((resolve) => {
      settle = resolve;
    });
    this.#questions.set(key, { answer, settle, askedAt: this.#clock.monotonic() });
    if (!this.#ask({ a, b })) {
      this.#questions.delete(key);
      settle(this.#verdicts.get(key)?.allowed ?? false);
    }
    return answer;
  }

  #changed(): void {
    for (const verdict of this.#verdicts.values()) verdict.isOld = true;
    this.#check();
  }

  #tick(): void {
    const now = this.#clock.monotonic();
    for (const [key, { askedAt, settle }] of [...this.#questions]) {
      if (now - askedAt < PATIENCE) continue;
      this.#questions.delete(key);
      settle(this.#verdicts.get(key)?.allowed ?? false);
    }
    this.#check();
  }

  #check(): void {
    this.#watchers.check((nodeId) => this.#reason(nodeId));
  }

  /** Why a node is to be refused; null if it is not. */
  #reason(nodeId: string): WarrenError | null {
    const keyExpiresAt = this.#members?.get(nodeId);
    if (keyExpiresAt === undefined) return STRANGER();
    return isExpired(keyExpiresAt, this.#clock.wall()) ? keyExpired() : null;
  }
}

/** A pair has no direction. */
function keyOf(a: string, b: string): string {
  return a < b ? `${a} ${b}` : `${b} ${a}`;
}
