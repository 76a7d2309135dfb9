import { REKEY_ATTEMPT_TIME, ZERO_KEYS_AFTER_TIME } from './constants.ts';
import type { Outbound } from './outbound.ts';
import type { Peer } from './peer.ts';
import type { DeviceState } from './state.ts';

const NEVER = Number.POSITIVE_INFINITY;

/** What is done when a deadline of a peer's timers has come (section 6 of the paper). */
export class Expiry {
  private readonly state: DeviceState;
  private readonly outbound: Outbound;

  constructor(state: DeviceState, outbound: Outbound) {
    this.state = state;
    this.outbound = outbound;
  }

  /** Serves everything that is due and leaves every deadline in the future. */
  advance(now: number): void {
    this.noticeSleep(now);
    const { deadlines } = this.state;
    for (let peer = deadlines.takeDue(now); peer !== null; peer = deadlines.takeDue(now)) {
      this.serve(peer, now);
      deadlines.wakeBy(peer, peer.timers.earliest());
    }
  }

  private serve(peer: Peer, now: number): void {
    const timers = peer.timers;
    if (timers.zeroKeys <= now) this.zeroKeys(peer);
    if (timers.retransmitHandshake <= now) {
      timers.retransmitHandshake = NEVER;
      if (now - timers.attemptStarted >= REKEY_ATTEMPT_TIME) this.giveUp(peer, now);
      else {
        timers.retries++;
        this.outbound.initiate(peer, now, true);
      }
    }
    if (timers.sendKeepalive <= now) {
      const another = timers.keepaliveFired();
      this.outbound.sendKeepalive(peer, now);
      if (another) timers.dataReceived(now);
    }
    if (timers.newHandshake <= now) {
      timers.newHandshake = NEVER;
      this.outbound.initiate(peer, now, false);
    }
    if (timers.persistentKeepalive <= now) {
      timers.persistentKeepalive = now + timers.persistentInterval;
      this.outbound.sendKeepalive(peer, now);
    }
  }

  /** 6.3: nothing secret of an idle peer stays. A handshake that is being tried just now has its own end. */
  private zeroKeys(peer: Peer): void {
    peer.timers.zeroKeys = NEVER;
    peer.keypairs.clear();
    if (peer.timers.retransmitHandshake === NEVER) peer.forgetPending();
  }

  /** 6.4: the peer has not answered for REKEY_ATTEMPT_TIME. New data from the tunnel starts anew. */
  private giveUp(peer: Peer, now: number): void {
    peer.timers.sendKeepalive = NEVER;
    peer.forgetPending();
    this.outbound.giveUpStaged(peer);
    if (peer.timers.zeroKeys === NEVER) peer.timers.zeroKeys = now + ZERO_KEYS_AFTER_TIME;
    this.state.sink.event({ kind: 'handshake-given-up', publicKey: peer.publicKey });
  }

  /** Sessions that could be used before the host slept, and cannot any more, are replaced at once. */
  private noticeSleep(now: number): void {
    if (now < this.state.sleep.nextCheck) return;
    const awake = this.state.sleep.check(now);
    if (awake === null) return;
    for (const peer of this.state.peers.values()) {
      const { current } = peer.keypairs;
      if (current?.canSend(awake) === true && !current.canSend(now)) this.outbound.initiate(peer, now, false);
    }
  }
}
