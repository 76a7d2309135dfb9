import type { CreateTransportCipher, TransportCipher } from './aead.ts';
import { REJECT_AFTER_MESSAGES, REJECT_AFTER_TIME } from './constants.ts';
import type { SessionKeys } from './noise.ts';
import type { Peer } from './peer.ts';
import { ReplayWindow } from './replay.ts';

/** One session: the keys of both directions (5.4.5), their indices, counters and age. */
export class Keypair {
  readonly peer: Peer;
  /** What the other end writes into messages to us, as a signed integer. */
  readonly localIndex: number;
  /** What we write into messages to the other end. */
  readonly remoteIndex: number;
  /** Whether this end sent the initiation; only the initiator renews a session by its age. */
  readonly isInitiator: boolean;
  /** Monotonic milliseconds. Moved back when the host slept, because it is the age that counts. */
  created: number;
  /** The counter of the next message to send. */
  sendCounter = 0;
  readonly sending: TransportCipher;
  readonly receiving: TransportCipher;
  readonly replay = new ReplayWindow();

  /** The caller keeps `keys` and wipes them. */
  constructor(
    peer: Peer,
    localIndex: number,
    remoteIndex: number,
    isInitiator: boolean,
    keys: SessionKeys,
    createCipher: CreateTransportCipher,
    now: number,
  ) {
    this.peer = peer;
    this.localIndex = localIndex;
    this.remoteIndex = remoteIndex;
    this.isInitiator = isInitiator;
    this.created = now;
    this.sending = createCipher(keys.sending);
    this.receiving = createCipher(keys.receiving);
  }

  /** 6.2: neither sending nor receiving from REJECT_AFTER_TIME on. */
  isAlive(now: number): boolean {
    return now - this.created < REJECT_AFTER_TIME;
  }

  canSend(now: number): boolean {
    return this.sendCounter < REJECT_AFTER_MESSAGES && this.isAlive(now);
  }

  destroy(): void {
    this.sending.destroy();
    this.receiving.destroy();
  }
}
