import type { TransportCipher } from './aead.ts';
import { REJECT_AFTER_TIME } from './constants.ts';
import { ReplayWindow } from './replay.ts';
import type { SendCounter } from './send-counter.ts';

/** One session: the keys of both directions (5.4.5), their indices, counters and age. */
export class Keypair<P = unknown> {
  readonly peer: P;
  /** What the other end writes into messages to us, as a signed integer. */
  readonly localIndex: number;
  /** What we write into messages to the other end. */
  readonly remoteIndex: number;
  /** Whether this end sent the initiation; only the initiator renews a session by its age. */
  readonly isInitiator: boolean;
  /** Milliseconds of a clock that runs on while the host is suspended: a session grows old in its sleep too. */
  readonly created: number;
  /** The counters of messages to send; shared where several workers send. */
  readonly counter: SendCounter;
  readonly sending: TransportCipher;
  /** Null where another worker owns what is received under this session: its replay window is there, and only there. */
  readonly receiving: TransportCipher | null;
  readonly replay: ReplayWindow | null;

  /** Owns the ciphers from now on. */
  constructor(
    peer: P,
    localIndex: number,
    remoteIndex: number,
    isInitiator: boolean,
    created: number,
    counter: SendCounter,
    sending: TransportCipher,
    receiving: TransportCipher | null,
  ) {
    this.peer = peer;
    this.localIndex = localIndex;
    this.remoteIndex = remoteIndex;
    this.isInitiator = isInitiator;
    this.created = created;
    this.counter = counter;
    this.sending = sending;
    this.receiving = receiving;
    this.replay = receiving === null ? null : new ReplayWindow();
  }

  /** 6.2: neither sending nor receiving from REJECT_AFTER_TIME on. */
  isAlive(now: number): boolean {
    return now - this.created < REJECT_AFTER_TIME;
  }

  canSend(now: number): boolean {
    return this.counter.value < this.counter.rejectAfter && this.isAlive(now);
  }

  destroy(): void {
    this.sending.destroy();
    this.receiving?.destroy();
  }
}
