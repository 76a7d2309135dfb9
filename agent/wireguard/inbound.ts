import { wipe } from '../../shared/key.ts';
import { INITIATION_INTERVAL, REJECT_AFTER_MESSAGES, REKEY_BEFORE_REJECT } from './constants.ts';
import { COUNT } from './counters.ts';
import { IPV4_SOURCE, IPV6_SOURCE, ipLength, ipVersion } from './inner-packet.ts';
import { Keypair } from './keypair.ts';
import { COOKIE_REPLY, INITIATION, MESSAGE_INITIATION, RESPONSE, TRANSPORT } from './messages.ts';
import { forgetResponder, openInitiation, openResponse, openTimestamp } from './noise.ts';
import type { Outbound } from './outbound.ts';
import type { PacketBuffer } from './packet-buffer.ts';
import type { Peer } from './peer.ts';
import type { DeviceState } from './state.ts';
import { isAfter } from './tai64n.ts';
import type { UdpAddress } from './udp-address.ts';

const COUNTER_HIGH_LIMIT = REJECT_AFTER_MESSAGES / 0x1_0000_0000;

/** Everything that arrives from the network. What is wrong costs a counter and nothing else. */
export class Inbound {
  /** Whose message `open` last found authentic, or null. */
  openedPeer: Peer | null = null;
  private readonly state: DeviceState;
  private readonly outbound: Outbound;

  constructor(state: DeviceState, outbound: Outbound) {
    this.state = state;
    this.outbound = outbound;
  }

  /**
   * Opens one transport message into `target`: the length of the inner packet, or 0 for a keepalive and for what is
   * dropped. The order of checks is that of PROTOCOL: index, age, tag, counter, then what an authentic message causes.
   */
  open(
    source: PacketBuffer,
    offset: number,
    length: number,
    from: UdpAddress,
    target: PacketBuffer,
    targetOffset: number,
    now: number,
  ): number {
    const { counters } = this.state;
    this.openedPeer = null;
    if (length < TRANSPORT.overhead) {
      counters.add(COUNT['malformed-datagram']);
      return 0;
    }
    const view = source.view;
    const keypair = this.state.indices.keypair(view.getInt32(offset + TRANSPORT.receiver, true));
    if (keypair === undefined) {
      counters.add(COUNT['unknown-receiver']);
      return 0;
    }
    const peer = keypair.peer;
    if (!keypair.isAlive(now)) {
      this.state.drop(peer, COUNT['expired-session']);
      return 0;
    }
    const low = view.getUint32(offset + TRANSPORT.counterLow, true);
    const high = view.getUint32(offset + TRANSPORT.counterHigh, true);
    if (high >= COUNTER_HIGH_LIMIT) {
      this.state.drop(peer, COUNT['counter-limit']);
      return 0;
    }
    const sealed = length - TRANSPORT.packet;
    if (!keypair.receiving.open(low, high, source, offset + TRANSPORT.packet, sealed, target, targetOffset)) {
      this.state.drop(peer, COUNT['bad-tag']);
      return 0;
    }
    if (!keypair.replay.accept(high * 0x1_0000_0000 + low)) {
      this.state.drop(peer, COUNT.replayed);
      return 0;
    }
    this.openedPeer = peer;
    this.roam(peer, from);
    if (keypair === peer.keypairs.next) {
      peer.keypairs.confirm();
      this.handshakeCompleted(peer);
      if (peer.staged.length > 0) this.outbound.sendStaged(peer, now);
    }
    this.received(peer, length, now);
    this.renewLate(peer, now);
    const plain = length - TRANSPORT.overhead;
    if (plain === 0) return 0;
    peer.timers.dataReceived(now);
    return this.checkInner(peer, target, targetOffset, plain);
  }

  /** Handles an initiation or a response of the right size. */
  handshake(buffer: PacketBuffer, offset: number, length: number, source: UdpAddress, now: number): void {
    const { own, cookies, counters, load, limiter } = this.state;
    if (own === null) {
      counters.add(COUNT['no-private-key']);
      return;
    }
    const message = buffer.bytes.subarray(offset, offset + length);
    if (!cookies.hasValidMac1(message, own)) {
      counters.add(COUNT['bad-mac1']);
      return;
    }
    if (load.arrived(now)) {
      if (!cookies.hasValidMac2(message, source, now)) {
        // In both messages the sender's index stands at the same place.
        const sender = buffer.view.getUint32(offset + INITIATION.sender, true);
        this.outbound.replyWithCookie(message, sender, source, now);
        return;
      }
      if (!limiter.allow(source, now)) {
        counters.add(COUNT['rate-limited']);
        return;
      }
    }
    if (message[0] === MESSAGE_INITIATION) this.initiation(message, buffer, offset, source, now);
    else this.response(message, buffer, offset, source, now);
  }

  cookieReply(buffer: PacketBuffer, offset: number, now: number): void {
    const { indices, counters } = this.state;
    const index = buffer.view.getInt32(offset + COOKIE_REPLY.receiver, true);
    // A response of ours is answered with a cookie under the index of its session.
    const peer = indices.handshake(index) ?? indices.keypair(index)?.peer;
    if (!peer?.cookies.consume(buffer.bytes.subarray(offset, offset + COOKIE_REPLY.size), now)) {
      counters.add(COUNT['bad-cookie-reply']);
    }
  }

  private initiation(
    message: Uint8Array,
    buffer: PacketBuffer,
    offset: number,
    source: UdpAddress,
    now: number,
  ): void {
    const { own, counters } = this.state;
    const opened = own === null ? null : openInitiation(message, own);
    if (opened === null) {
      counters.add(COUNT['bad-handshake']);
      return;
    }
    const peer = this.state.peer(opened.initiatorStatic);
    if (peer === undefined || peer.staticStatic === null) {
      forgetResponder(opened);
      counters.add(COUNT['unknown-peer']);
      return;
    }
    const timestamp = openTimestamp(message, opened, peer.staticStatic);
    if (timestamp === null) {
      forgetResponder(opened);
      counters.add(COUNT['bad-handshake']);
      return;
    }
    const isNew = peer.newestReceived === null || isAfter(timestamp, peer.newestReceived);
    if (!isNew || now - peer.lastAcceptedInitiation < INITIATION_INTERVAL) {
      forgetResponder(opened);
      this.state.drop(peer, isNew ? COUNT['initiation-flood'] : COUNT['replayed-initiation']);
      return;
    }
    peer.newestReceived = timestamp;
    peer.lastAcceptedInitiation = now;
    this.roam(peer, source);
    this.outbound.respond(peer, opened, buffer.view.getInt32(offset + INITIATION.sender, true), now);
    this.received(peer, INITIATION.size, now);
  }

  private response(
    message: Uint8Array,
    buffer: PacketBuffer,
    offset: number,
    source: UdpAddress,
    now: number,
  ): void {
    const { own, counters, dependencies, indices } = this.state;
    const localIndex = buffer.view.getInt32(offset + RESPONSE.receiver, true);
    const peer = indices.handshake(localIndex);
    if (own === null || peer === undefined || peer.pending === null) {
      // Nothing waits for it: a replay must not set up the same keys, and nonces, again.
      counters.add(COUNT['unexpected-response']);
      return;
    }
    const keys = openResponse(message, own, peer.pending.state, peer.presharedKey);
    if (keys === null) {
      this.state.drop(peer, COUNT['bad-handshake']);
      return;
    }
    peer.forgetPending();
    const remoteIndex = buffer.view.getInt32(offset + RESPONSE.sender, true);
    this.state.beforeSession(now);
    peer.keypairs.addAsInitiator(
      new Keypair(peer, localIndex, remoteIndex, true, keys, dependencies.createCipher, now),
    );
    wipe(keys.sending);
    wipe(keys.receiving);
    this.roam(peer, source);
    peer.timers.sessionDerived(now);
    this.handshakeCompleted(peer);
    this.received(peer, RESPONSE.size, now);
    // Key confirmation: the responder may not send before it has had something under the new keys.
    this.outbound.sendKeepalive(peer, now);
  }

  /** 6.5 and 2.1: any authentic message tells where the peer is; its endpoint follows. */
  private roam(peer: Peer, from: UdpAddress): void {
    peer.endpointConfirmed = true;
    if (peer.endpoint === null) peer.endpoint = from.clone();
    else if (peer.endpoint.equals(from)) return;
    else peer.endpoint.copyFrom(from);
    this.state.sink.event({
      kind: 'endpoint-changed',
      publicKey: peer.publicKey,
      address: from.addressBytes(),
      port: from.port,
    });
  }

  private handshakeCompleted(peer: Peer): void {
    peer.timers.handshakeComplete();
    peer.lastHandshake = this.state.dependencies.wall();
    this.state.counters.add(COUNT['completed-handshakes']);
    this.state.sink.event({ kind: 'handshake-completed', publicKey: peer.publicKey });
  }

  private received(peer: Peer, bytes: number, now: number): void {
    peer.rxBytes += bytes;
    peer.timers.authenticatedReceived();
    peer.timers.authenticatedTraversal(now);
  }

  /** 6.2: an initiator that only receives renews the session while there is time for a passive keepalive and a retry. */
  private renewLate(peer: Peer, now: number): void {
    const keypair = peer.keypairs.current;
    if (keypair === null || !keypair.isInitiator || peer.timers.sentLastMinuteHandshake) return;
    if (now - keypair.created < REKEY_BEFORE_REJECT) return;
    peer.timers.sentLastMinuteHandshake = true;
    this.outbound.initiate(peer, now, false);
  }

  /** The inner packet's own length, if it is an IP packet whose source this peer may use (the cryptokey routing of 2). */
  private checkInner(peer: Peer, buffer: PacketBuffer, offset: number, length: number): number {
    const version = ipVersion(buffer.view, offset, length);
    const inner = version === 0 ? 0 : ipLength(buffer.view, offset, length, version);
    if (inner === 0) {
      this.state.drop(peer, COUNT['malformed-packet']);
      return 0;
    }
    const { allowedIps } = this.state;
    const owner =
      version === 4
        ? allowedIps.lookup4(buffer, offset + IPV4_SOURCE)
        : allowedIps.lookup6(buffer, offset + IPV6_SOURCE);
    if (owner !== peer) {
      this.state.drop(peer, COUNT['source-not-allowed']);
      return 0;
    }
    return inner;
  }
}
