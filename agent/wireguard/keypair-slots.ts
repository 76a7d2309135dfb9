import type { IndexTable } from './index-table.ts';
import type { Keypair } from './keypair.ts';

/** Sessions kept for packets in flight beyond those that the paper keeps. */
const MAX_RETIRED = 4;

/**
 * The sessions of one peer, and how they replace each other (6.3 of the paper): `current` is sent with, `next` is a session
 * that this end answered to and that the other end has not used yet, `previous` still receives what was on its way.
 *
 * Retired sessions are one step beyond the paper: when both ends renew at the same moment, each of the paper's slots is
 * taken twice within a round trip, while packets under the sessions that were there before are still in flight. Retired
 * sessions only receive, each with its own replay window, and no longer than any other session.
 */
export class KeypairSlots {
  current: Keypair | null = null;
  next: Keypair | null = null;
  previous: Keypair | null = null;
  private retired: Keypair[] = [];
  private readonly indices: IndexTable;

  constructor(indices: IndexTable) {
    this.indices = indices;
  }

  /** A session made by a response that was received: both ends have it, so it is used at once. */
  addAsInitiator(keypair: Keypair): void {
    this.add(keypair);
    if (this.next !== null) {
      // A handshake of the other direction is unconfirmed: its session may yet be used towards us.
      this.retire(this.previous);
      this.retire(this.current);
      this.previous = this.next;
      this.next = null;
    } else {
      this.retire(this.previous);
      this.previous = this.current;
    }
    this.current = keypair;
  }

  /** A session made by a response that was sent: not used before the other end has shown that it got the response. */
  addAsResponder(keypair: Keypair): void {
    this.add(keypair);
    this.drop(this.next);
    this.next = keypair;
    this.retire(this.previous);
    this.previous = null;
  }

  /** The first valid message under `next` has come: key confirmation. */
  confirm(): void {
    this.retire(this.previous);
    this.previous = this.current;
    this.current = this.next;
    this.next = null;
  }

  /** Adds to the age of every session. */
  age(milliseconds: number): void {
    for (const keypair of [this.current, this.next, this.previous, ...this.retired]) {
      if (keypair !== null) keypair.created -= milliseconds;
    }
  }

  /** Wipes every session. */
  clear(): void {
    this.drop(this.current);
    this.drop(this.next);
    this.drop(this.previous);
    for (const keypair of this.retired) this.drop(keypair);
    this.current = null;
    this.next = null;
    this.previous = null;
    this.retired = [];
  }

  private add(keypair: Keypair): void {
    this.indices.addKeypair(keypair);
    while (this.retired[0] !== undefined && !this.retired[0].isAlive(keypair.created)) this.dropOldest();
  }

  private retire(keypair: Keypair | null): void {
    if (keypair === null) return;
    this.retired.push(keypair);
    if (this.retired.length > MAX_RETIRED) this.dropOldest();
  }

  private dropOldest(): void {
    this.drop(this.retired.shift() ?? null);
  }

  private drop(keypair: Keypair | null): void {
    if (keypair === null) return;
    this.indices.removeKeypair(keypair.localIndex);
    keypair.destroy();
  }
}
