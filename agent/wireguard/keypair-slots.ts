import type { Followers } from './followers.ts';
import type { IndexTable } from './index-table.ts';
import type { Keypair } from './keypair.ts';
import type { Peer } from './peer.ts';

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
  current: Keypair<Peer> | null = null;
  next: Keypair<Peer> | null = null;
  previous: Keypair<Peer> | null = null;
  private retired: Keypair<Peer>[] = [];
  private readonly indices: IndexTable;
  private readonly followers: Followers;

  constructor(indices: IndexTable, followers: Followers) {
    this.indices = indices;
    this.followers = followers;
  }

  /** A session made by a response that was received: both ends have it, so it is used at once. */
  addAsInitiator(keypair: Keypair<Peer>): void {
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
    this.followers.currentChanged(keypair);
  }

  /** A session made by a response that was sent: not used before the other end has shown that it got the response. */
  addAsResponder(keypair: Keypair<Peer>): void {
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
    if (this.current !== null) this.followers.currentChanged(this.current);
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

  private add(keypair: Keypair<Peer>): void {
    this.indices.addKeypair(keypair);
    while (this.retired[0] !== undefined && !this.retired[0].isAlive(keypair.created)) this.dropOldest();
  }

  private retire(keypair: Keypair<Peer> | null): void {
    if (keypair === null) return;
    this.retired.push(keypair);
    if (this.retired.length > MAX_RETIRED) this.dropOldest();
  }

  private dropOldest(): void {
    this.drop(this.retired.shift() ?? null);
  }

  private drop(keypair: Keypair<Peer> | null): void {
    if (keypair === null) return;
    this.indices.removeKeypair(keypair.localIndex);
    this.followers.sessionEnded(keypair);
    keypair.destroy();
  }
}
