import type { Candidate } from './candidate.ts';
import { INVITATION_BURST, INVITATION_INTERVAL, PROBE_INTERVAL } from './constants.ts';
import type { Invitation } from './messages.ts';

const LONG_AGO = Number.NEGATIVE_INFINITY;

/** What one peer invited this end to, and when this end invited it. */
export class Invitations {
  /** Where the peer said that it may be, and that its NAT is hard; of the last invitation. */
  candidates: readonly Candidate[] = [];
  peerIsHard = false;
  receivedAt = LONG_AGO;
  /** One more is to be sent with the next round, for what was told in the last is no longer true. */
  isWaiting = false;
  #sentAt = LONG_AGO;
  #told: readonly Candidate[] | null = null;
  /** Milliseconds: each invitation that is heeded costs INVITATION_INTERVAL of it. */
  #credit = INVITATION_BURST * INVITATION_INTERVAL;
  #creditAt = LONG_AGO;

  /** Whether one more may be heeded now: a few at once, and one a second. */
  allows(now: number): boolean {
    this.#credit = Math.min(INVITATION_BURST * INVITATION_INTERVAL, this.#credit + (now - this.#creditAt));
    this.#creditAt = now;
    if (this.#credit < INVITATION_INTERVAL) return false;
    this.#credit -= INVITATION_INTERVAL;
    return true;
  }

  received(invitation: Invitation, now: number): void {
    this.candidates = invitation.candidates;
    this.peerIsHard = invitation.hard;
    this.receivedAt = now;
  }

  /** Whether to send one with these candidates now; right after another it waits if it says anything new. */
  maySend(candidates: readonly Candidate[], now: number): boolean {
    if (now - this.#sentAt < PROBE_INTERVAL) {
      this.isWaiting = candidates !== this.#told;
      return false;
    }
    this.isWaiting = false;
    this.#sentAt = now;
    this.#told = candidates;
    return true;
  }
}
