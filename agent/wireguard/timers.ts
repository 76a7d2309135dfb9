import { type Random, randomUint32 } from '../../shared/random.ts';
import { KEEPALIVE_TIMEOUT, REKEY_TIMEOUT, REKEY_TIMEOUT_JITTER, ZERO_KEYS_AFTER_TIME } from './constants.ts';

const NEVER = Number.POSITIVE_INFINITY;

/**
 * The five timers of a peer (section 6 of the paper) as deadlines in monotonic milliseconds, and how what happens moves them.
 * What is to be done at a deadline is in expiry.ts. Nothing here allocates: the methods run for every packet or batch.
 */
export class Timers {
  /** 6.4: the initiation was not answered. */
  retransmitHandshake = NEVER;
  /** 6.5: data came and nothing went back. */
  sendKeepalive = NEVER;
  /** 6.5: data went and nothing came back. */
  newHandshake = NEVER;
  /** 6.3: nothing has renewed the keys. */
  zeroKeys = NEVER;
  /** 6.5: the interval that the user asked for is over. */
  persistentKeepalive = NEVER;

  /** Milliseconds, 0 for off. */
  persistentInterval = 0;
  /** When the handshake under way was first wanted, or wanted again by new data: REKEY_ATTEMPT_TIME counts from here. */
  attemptStarted = Number.NEGATIVE_INFINITY;
  /** Retransmissions of the handshake under way. */
  retries = 0;
  /** The last-minute rekey on receiving (6.2) is tried once a session. */
  sentLastMinuteHandshake = false;

  private needAnotherKeepalive = false;
  /** Drawn anew with each handshake instead of each arming, which happens with every packet. */
  private jitter: number;
  private readonly random: Random;
  private readonly wakeBy: (time: number) => void;

  /** `wakeBy` is told of every deadline that is set. */
  constructor(random: Random, wakeBy: (time: number) => void) {
    this.random = random;
    this.wakeBy = wakeBy;
    this.jitter = this.drawJitter();
  }

  earliest(): number {
    return Math.min(
      this.retransmitHandshake,
      this.sendKeepalive,
      this.newHandshake,
      this.zeroKeys,
      this.persistentKeepalive,
    );
  }

  dataSent(now: number): void {
    if (this.newHandshake !== NEVER) return;
    this.newHandshake = now + KEEPALIVE_TIMEOUT + REKEY_TIMEOUT + this.jitter;
    this.wakeBy(this.newHandshake);
  }

  dataReceived(now: number): void {
    if (this.sendKeepalive !== NEVER) {
      this.needAnotherKeepalive = true;
      return;
    }
    this.sendKeepalive = now + KEEPALIVE_TIMEOUT;
    this.wakeBy(this.sendKeepalive);
  }

  authenticatedSent(): void {
    this.sendKeepalive = NEVER;
    this.needAnotherKeepalive = false;
  }

  authenticatedReceived(): void {
    this.newHandshake = NEVER;
  }

  /** Any authenticated message, either way. */
  authenticatedTraversal(now: number): void {
    if (this.persistentInterval === 0) return;
    this.persistentKeepalive = now + this.persistentInterval;
    this.wakeBy(this.persistentKeepalive);
  }

  handshakeInitiated(now: number): void {
    this.jitter = this.drawJitter();
    this.retryAt(now + REKEY_TIMEOUT);
  }

  /** Sees to it that the handshake is tried (again) at `time` and the jitter. */
  retryAt(time: number): void {
    this.retransmitHandshake = time + this.jitter;
    this.wakeBy(this.retransmitHandshake);
  }

  handshakeComplete(): void {
    this.retransmitHandshake = NEVER;
    this.retries = 0;
    this.sentLastMinuteHandshake = false;
  }

  sessionDerived(now: number): void {
    this.zeroKeys = now + ZERO_KEYS_AFTER_TIME;
    this.wakeBy(this.zeroKeys);
  }

  /** The passive keepalive is due. True if another is to follow, because data came after the packet that armed it. */
  keepaliveFired(): boolean {
    const another = this.needAnotherKeepalive;
    this.sendKeepalive = NEVER;
    this.needAnotherKeepalive = false;
    return another;
  }

  setPersistentInterval(milliseconds: number, now: number): void {
    this.persistentInterval = milliseconds;
    this.persistentKeepalive = milliseconds === 0 ? NEVER : now + milliseconds;
    if (milliseconds !== 0) this.wakeBy(this.persistentKeepalive);
  }

  /** Stops everything but the persistent keepalive. */
  clear(): void {
    this.retransmitHandshake = NEVER;
    this.sendKeepalive = NEVER;
    this.newHandshake = NEVER;
    this.zeroKeys = NEVER;
    this.retries = 0;
    this.sentLastMinuteHandshake = false;
    this.needAnotherKeepalive = false;
  }

  private drawJitter(): number {
    return randomUint32(this.random) % (REKEY_TIMEOUT_JITTER + 1);
  }
}
