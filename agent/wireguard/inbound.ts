import { wipe } from '../../shared/key.ts';
import { INITIATION_INTERVAL, REKEY_BEFORE_REJECT } from './constants.ts';
import { COUNT } from './counters.ts';
import type { PeerActivity } from './follower-updates.ts';
import { COOKIE_REPLY, INITIATION, MESSAGE_INITIATION, RESPONSE, TRANSPORT } from './messages.ts';
import { forgetResponder, openInitiation, openResponse, openTimestamp } from './noise.ts';
import type { Outbound } from './outbound.ts';
import type { PacketBuffer } from './packet-buffer.ts';
import type { Peer } from './peer.ts';
import type { DeviceState } from './state.ts';
import { isAfter } from './tai64n.ts';
import { innerLength, openMessage } from './transport.ts';
import type { UdpAddress } from './udp-address.ts';

/** Everything that arrives from the network. What is wrong costs a counter and nothing else. */
export class Inbound {
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
    const why = openMessage(keypair, source, offset, length, target, targetOffset, now);
    if (why >= 0) {
      this.state.drop(peer, why);
      return 0;
    }
    this.roam(peer, from);
    if (keypair === peer.keypairs.next) this.confirm(peer, now);
    this.received(peer, length, now);
    this.renewLate(peer, now);
    const plain = length - TRANSPORT.overhead;
    if (plain === 0) return 0;
    peer.timers.dataReceived(now);
    const inner = innerLength(this.state.allowedIps, peer, target, targetOffset, plain);
    if (inner > 0) return inner;
    this.state.drop(peer, -inner);
    return 0;
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
    const { own, counters, indices } = this.state;
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
    peer.keypairs.addAsInitiator(this.state.newKeypair(peer, localIndex, remoteIndex, true, keys, now));
    wipe(keys.sending);
    wipe(keys.receiving);
    this.roam(peer, source);
    peer.timers.sessionDerived(now);
    this.handshakeCompleted(peer, now);
    this.received(peer, RESPONSE.size, now);
    // Key confirmation: the responder may not send before it has had something under the new keys.
    this.outbound.sendKeepalive(peer, now);
  }

  /** 6.5 and 2.1: any authentic message tells where the peer is; its endpoint follows. */
  roam(peer: Peer, from: UdpAddress): void {
    if (peer.endpointChosen) {
      this.noteSource(peer, from);
      return;
    }
    peer.endpointConfirmed = true;
    if (peer.endpoint === null) peer.endpoint = from.clone();
    else if (peer.endpoint.equals(from)) return;
    else peer.endpoint.copyFrom(from);
    this.state.followers.peerChanged(peer);
    this.state.sink.event({
      kind: 'endpoint-changed',
      publicKey: peer.publicKey,
      address: from.addressBytes(),
      port: from.port,
    });
  }

  /** Where another part decides where datagrams go, it hears of a new source once and verifies it in its own way. */
  private noteSource(peer: Peer, from: UdpAddress): void {
    if (peer.endpoint?.equals(from) || peer.heardFrom?.equals(from)) return;
    peer.heardFrom = from.clone();
    const { publicKey } = peer;
    this.state.sink.event({ kind: 'heard-from', publicKey, address: from.addressBytes(), port: from.port });
  }

  private handshakeCompleted(peer: Peer, now: number): void {
    peer.timers.handshakeComplete();
    peer.lastHandshake = now;
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

  /** Key confirmation: the other end has shown that it has the session which this end answered to. */
  confirm(peer: Peer, now: number): void {
    peer.keypairs.confirm();
    this.handshakeCompleted(peer, now);
    if (peer.staged.length > 0) this.outbound.sendStaged(peer, now);
  }

  /** What passed through a follower, as if it had passed here, in the order in which it happened. */
  passedElsewhere(peer: Peer, activity: PeerActivity, now: number): void {
    const { txBytes, rxBytes, lastDataSent, lastReceived, lastDataReceived, drops } = activity;
    if (drops !== null) {
      this.state.counters.addAll(drops);
      peer.drops.addAll(drops);
    }
    const sendsFirst = lastDataSent < lastReceived;
    if (lastDataSent > 0 && sendsFirst) this.outbound.sealed(peer, txBytes, lastDataSent);
    if (lastReceived > 0) {
      this.received(peer, rxBytes, lastReceived);
      this.renewLate(peer, now);
      if (lastDataReceived > 0) peer.timers.dataReceived(lastDataReceived);
    }
    if (lastDataSent > 0 && !sendsFirst) this.outbound.sealed(peer, txBytes, lastDataSent);
  }
}
