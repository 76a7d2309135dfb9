import type { IndexTable } from './index-table.ts';
import type { Keypair } from './keypair.ts';

/**
 * The sessions of one peer, and how they replace each other (6.3 of the paper): `current` is sent with, `next` is a session
 * that this end answered to and that the other end has not used yet, `previous` still receives what was on its way.
 * `retiring` is one step beyond the paper: when both ends begin a handshake at the same moment, the session before last
 * may have packets in flight too. It only ever receives, and no longer than any other session.
 */
export class KeypairSlots {
  current: Keypair | null = null;
  next: Keypair | null = null;
  previous: Keypair | null = null;
  retiring: Keypair | null = null;
  private readonly indices: IndexTable;

  constructor(indices: IndexTable) {
    this.indices = indices;
  }

  /** A session made by a response that was received: both ends have it, so it is used at once. */
  addAsInitiator(keypair: Keypair): void {
    this.indices.addKeypair(keypair);
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
    this.indices.addKeypair(keypair);
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
    for (const keypair of [this.current, this.next, this.previous, this.retiring]) {
      if (keypair !== null) keypair.created -= milliseconds;
    }
  }

  /** Wipes every session. */
  clear(): void {
    this.drop(this.current);
    this.drop(this.next);
    this.drop(this.previous);
    this.drop(this.retiring);
    this.current = null;
    this.next = null;
    this.previous = null;
    this.retiring = null;
  }

  private retire(keypair: Keypair | null): void {
    if (keypair === null) return;
    this.drop(this.retiring);
    this.retiring = keypair;
  }

  private drop(keypair: Keypair | null): void {
    if (keypair === null) return;
    this.indices.removeKeypair(keypair.localIndex);
    keypair.destroy();
  }
}
