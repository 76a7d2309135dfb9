import { wipe } from '../../shared/key.ts';
import { REKEY_AFTER_TIME, REKEY_TIMEOUT } from './constants.ts';
import { COUNT } from './counters.ts';
import { COOKIE_REPLY, INITIATION, RESPONSE } from './messages.ts';
import { createInitiation, createResponse, type ResponderState } from './noise.ts';
import type { PacketBuffer } from './packet-buffer.ts';
import type { Peer } from './peer.ts';
import type { DeviceState } from './state.ts';
import { isAfter, timestampAfter, timestampOf } from './tai64n.ts';
import { sealMessage } from './transport.ts';
import type { UdpAddress } from './udp-address.ts';

/** Everything that leaves for the network: transport data (5.4.6), and the handshake messages of this end. */
export class Outbound {
  private readonly state: DeviceState;

  constructor(state: DeviceState) {
    this.state = state;
  }

  /** As DataPath says it. What waits already goes first, or packets would overtake each other. */
  seal(
    peer: Peer,
    source: PacketBuffer,
    sourceOffset: number,
    length: number,
    target: PacketBuffer,
    targetOffset: number,
    now: number,
  ): number {
    if (peer.staged.length > 0) return 0;
    return this.sealNow(peer, source, sourceOffset, length, target, targetOffset, now);
  }

  /** After `count` data packets (`bytes` of datagrams) went to the network: counters, timers, and a new handshake if due. */
  sealed(peer: Peer, bytes: number, now: number): void {
    peer.timers.dataSent(now);
    this.sent(peer, bytes, now);
  }

  /** Queues a packet until there is a session (mostly there is none now), and asks for one. */
  stage(peer: Peer, buffer: PacketBuffer, offset: number, length: number, now: number): void {
    if (peer.staged.push(buffer, offset, length)) this.state.drop(peer, COUNT['staged-overflow']);
    this.sendStaged(peer, now);
  }

  /** Sends what is staged, in order; asks for a handshake if there is no usable session. */
  sendStaged(peer: Peer, now: number): void {
    const { plaintext, datagram, sink } = this.state;
    let bytes = 0;
    while (peer.staged.length > 0) {
      const length = this.sealNow(peer, plaintext, 0, peer.staged.peek(plaintext), datagram, 0, now);
      if (length === 0) {
        this.initiate(peer, now, false);
        break;
      }
      peer.staged.shift();
      bytes += length;
      sink.datagram(peer.endpoint as UdpAddress, datagram, 0, length);
    }
    if (bytes > 0) this.sealed(peer, bytes, now);
  }

  /** Sends what is staged, or an empty packet: the other end then knows that this one lives and has the keys. */
  sendKeepalive(peer: Peer, now: number): void {
    if (peer.staged.length > 0) {
      this.sendStaged(peer, now);
      return;
    }
    const { plaintext, datagram, sink } = this.state;
    const length = this.sealNow(peer, plaintext, 0, 0, datagram, 0, now);
    if (length === 0) {
      this.initiate(peer, now, false);
      return;
    }
    sink.datagram(peer.endpoint as UdpAddress, datagram, 0, length);
    this.sent(peer, length, now);
  }

  /** Begins or retries a handshake, unless one message went out less than REKEY_TIMEOUT ago (6.1). */
  initiate(peer: Peer, now: number, isRetry: boolean): void {
    const { own, handshake, dependencies, counters } = this.state;
    const timers = peer.timers;
    if (own === null || peer.staticStatic === null) {
      this.giveUpStaged(peer);
      return;
    }
    if (!isRetry) {
      timers.attemptStarted = now;
      timers.retries = 0;
    }
    if (now - peer.lastSentHandshake < REKEY_TIMEOUT) {
      // What was sent may be lost, so this wish is not forgotten; a completed handshake cancels it.
      if (timers.retransmitHandshake === Number.POSITIVE_INFINITY) {
        timers.retryAt(peer.lastSentHandshake + REKEY_TIMEOUT);
      }
      return;
    }
    timers.handshakeInitiated(now);
    if (!peer.isReachable) return;
    const timestamp = this.nextTimestamp(peer);
    const ephemeral = new Uint8Array(32);
    dependencies.random.fill(ephemeral);
    peer.forgetPending();
    const index = this.state.indices.addHandshake(peer);
    const message = handshake.bytes.subarray(0, INITIATION.size);
    const state = createInitiation(
      message,
      own,
      peer.publicKey,
      peer.staticStatic,
      ephemeral,
      index >>> 0,
      timestamp,
    );
    if (state === null) {
      this.state.indices.removeHandshake(index);
      return;
    }
    peer.cookies.addMacs(message, now);
    peer.pending = { index, state, message: message.slice() };
    peer.lastSentHandshake = now;
    timers.authenticatedSent();
    timers.authenticatedTraversal(now);
    this.reportTimestamp(timestamp);
    counters.add(COUNT['sent-initiations']);
    if (peer.endpoint !== null && peer.endpointConfirmed && timers.retries === 0) {
      this.sendInitiation(peer, peer.endpoint);
    } else {
      for (const target of peer.reachableAt()) this.sendInitiation(peer, target);
    }
  }

  /**
   * Sends the unanswered initiation to an endpoint that was not known when it was made. It is the same message, so the peer
   * answers one copy of it, and REKEY_TIMEOUT, which limits new ones, need not be waited for.
   */
  repeatInitiation(peer: Peer, target: UdpAddress): void {
    if (peer.pending === null) return;
    this.state.handshake.bytes.set(peer.pending.message);
    this.sendInitiation(peer, target);
  }

  /** Answers an accepted initiation; `state` is used up. The session waits as `next` for the other end's first packet. */
  respond(peer: Peer, state: ResponderState, remoteIndex: number, now: number): void {
    const { handshake, dependencies, sink, counters, indices } = this.state;
    const ephemeral = new Uint8Array(32);
    dependencies.random.fill(ephemeral);
    const localIndex = indices.fresh(peer);
    const message = handshake.bytes.subarray(0, RESPONSE.size);
    const keys = createResponse(
      message,
      state,
      ephemeral,
      peer.presharedKey,
      localIndex >>> 0,
      remoteIndex >>> 0,
    );
    if (keys === null) {
      counters.add(COUNT['bad-handshake']);
      return;
    }
    this.state.beforeSession(now);
    peer.keypairs.addAsResponder(this.state.newKeypair(peer, localIndex, remoteIndex, false, keys, now));
    wipe(keys.sending);
    wipe(keys.receiving);
    peer.cookies.addMacs(message, now);
    peer.lastSentHandshake = now;
    peer.timers.sessionDerived(now);
    peer.timers.authenticatedSent();
    peer.timers.authenticatedTraversal(now);
    peer.txBytes += RESPONSE.size;
    counters.add(COUNT['sent-responses']);
    sink.datagram(peer.endpoint as UdpAddress, handshake, 0, RESPONSE.size);
  }

  /** Answers a handshake message under load with a cookie for the address it came from (5.4.7). */
  replyWithCookie(message: Uint8Array, receiver: number, source: UdpAddress, now: number): void {
    const { handshake, cookies, counters, own, sink } = this.state;
    if (own === null) return;
    cookies.writeReply(handshake.bytes.subarray(0, COOKIE_REPLY.size), message, receiver, source, own, now);
    counters.add(COUNT['sent-cookie-replies']);
    sink.datagram(source, handshake, 0, COOKIE_REPLY.size);
  }

  /** Drops what waits for a session that will not come. */
  giveUpStaged(peer: Peer): void {
    const count = peer.staged.clear();
    if (count > 0) this.state.drop(peer, COUNT['staged-given-up'], count);
  }

  /** 0 if the peer has no usable session or no endpoint. */
  private sealNow(
    peer: Peer,
    source: PacketBuffer,
    sourceOffset: number,
    length: number,
    target: PacketBuffer,
    targetOffset: number,
    now: number,
  ): number {
    const keypair = peer.keypairs.current;
    if (keypair === null || peer.endpoint === null || !keypair.isAlive(now)) return 0;
    return sealMessage(keypair, this.state.mtu, source, sourceOffset, length, target, targetOffset);
  }

  private sendInitiation(peer: Peer, target: UdpAddress): void {
    peer.txBytes += INITIATION.size;
    this.state.sink.datagram(target, this.state.handshake, 0, INITIATION.size);
  }

  private sent(peer: Peer, bytes: number, now: number): void {
    peer.txBytes += bytes;
    peer.timers.authenticatedSent();
    peer.timers.authenticatedTraversal(now);
    // 6.2: the initiator of a session renews it by age, either end by number of messages.
    const keypair = peer.keypairs.current;
    if (keypair === null) return;
    if (
      keypair.counter.value > keypair.counter.rekeyAfter ||
      (keypair.isInitiator && now - keypair.created >= REKEY_AFTER_TIME)
    ) {
      this.initiate(peer, now, false);
    }
  }

  /** Later than every timestamp that this peer has had from us, before a restart too. */
  private nextTimestamp(peer: Peer): Uint8Array {
    let timestamp = timestampOf(this.state.dependencies.wall());
    for (const floor of [this.state.dependencies.lastTimestamp, peer.newestSent]) {
      if (floor && !isAfter(timestamp, floor)) timestamp = timestampAfter(floor);
    }
    peer.newestSent = timestamp;
    return timestamp;
  }

  private reportTimestamp(timestamp: Uint8Array): void {
    const newest = this.state.newestTimestamp;
    if (newest !== null && !isAfter(timestamp, newest)) return;
    this.state.newestTimestamp = timestamp;
    this.state.sink.event({ kind: 'timestamp-sent', timestamp: timestamp.slice() });
  }
}
