import type { AllowedIps } from './allowed-ips.ts';
import { PADDING_MULTIPLE, REJECT_AFTER_MESSAGES } from './constants.ts';
import { COUNT } from './counters.ts';
import {
  IPV4_DESTINATION,
  IPV4_SOURCE,
  IPV6_DESTINATION,
  IPV6_SOURCE,
  ipLength,
  ipVersion,
  isForGroup,
} from './inner-packet.ts';
import type { Keypair } from './keypair.ts';
import { MESSAGE_TRANSPORT, TRANSPORT } from './messages.ts';
import type { PacketBuffer } from './packet-buffer.ts';

const COUNTER_HIGH_LIMIT = REJECT_AFTER_MESSAGES / 0x1_0000_0000;

/** The transport data message (5.4.6) and the cryptokey routing around it (2): what every worker does for every packet. */

/** What padding overwrites behind a packet, to be put back. */
const saved = new Uint8Array(PADDING_MULTIPLE);

/**
 * Seals one inner packet into `target`. Padding is written behind the packet in `source` (up to 15 bytes) and what was
 * there is put back. The keypair must be alive. The datagram's length, or 0 if the session's counters are used up.
 */
export function sealMessage(
  keypair: Keypair,
  mtu: number,
  source: PacketBuffer,
  sourceOffset: number,
  length: number,
  target: PacketBuffer,
  targetOffset: number,
): number {
  const counter = keypair.counter.take();
  if (counter < 0) return 0;
  const padded = paddedLength(length, mtu);
  const bytes = source.bytes;
  const end = sourceOffset + length;
  const padding = padded - length;
  for (let i = 0; i < padding; i++) {
    saved[i] = bytes[end + i] as number;
    bytes[end + i] = 0;
  }
  const low = counter >>> 0;
  const high = (counter - low) / 0x1_0000_0000;
  const view = target.view;
  view.setUint32(targetOffset, MESSAGE_TRANSPORT, true);
  view.setUint32(targetOffset + TRANSPORT.receiver, keypair.remoteIndex, true);
  view.setUint32(targetOffset + TRANSPORT.counterLow, low, true);
  view.setUint32(targetOffset + TRANSPORT.counterHigh, high, true);
  keypair.sending.seal(low, high, source, sourceOffset, padded, target, targetOffset + TRANSPORT.packet);
  for (let i = 0; i < padding; i++) bytes[end + i] = saved[i] as number;
  return padded + TRANSPORT.overhead;
}

/**
 * Opens a message of at least 32 bytes under the session that its receiver index names: age, tag, counter, in the order of
 * PROTOCOL. -1 if it is authentic and new, or the counter (COUNT) of why it is dropped.
 */
export function openMessage(
  keypair: Keypair,
  source: PacketBuffer,
  offset: number,
  length: number,
  target: PacketBuffer,
  targetOffset: number,
  now: number,
): number {
  const { receiving, replay } = keypair;
  if (receiving === null || replay === null) return COUNT.misdirected;
  if (!keypair.isAlive(now)) return COUNT['expired-session'];
  const view = source.view;
  const low = view.getUint32(offset + TRANSPORT.counterLow, true);
  const high = view.getUint32(offset + TRANSPORT.counterHigh, true);
  if (high >= COUNTER_HIGH_LIMIT) return COUNT['counter-limit'];
  const sealed = length - TRANSPORT.packet;
  if (!receiving.open(low, high, source, offset + TRANSPORT.packet, sealed, target, targetOffset)) {
    return COUNT['bad-tag'];
  }
  return replay.accept(high * 0x1_0000_0000 + low) ? -1 : COUNT.replayed;
}

/** Whose inner packet this is by its destination, or null. */
export function destinationOf<P>(
  allowedIps: AllowedIps<P>,
  buffer: PacketBuffer,
  offset: number,
  length: number,
): P | null {
  const version = ipVersion(buffer.view, offset, length);
  if (version === 0) return null;
  return version === 4
    ? allowedIps.lookup4(buffer, offset + IPV4_DESTINATION)
    : allowedIps.lookup6(buffer, offset + IPV6_DESTINATION);
}

/** What a packet is that has no peer by its destination: for all of them, if `hasGroup`, or the counter (COUNT) of its drop. */
export function withoutRoute(
  hasGroup: boolean,
  buffer: PacketBuffer,
  offset: number,
  length: number,
): number | 'group' {
  const version = ipVersion(buffer.view, offset, length);
  if (version === 0) return COUNT['malformed-outbound'];
  return hasGroup && isForGroup(buffer.view, offset, version) ? 'group' : COUNT['no-route'];
}

/**
 * The own length of the inner packet that came out of a session of `peer`, if it is an IP packet whose source that peer may
 * use; otherwise minus the counter (COUNT) of why it is dropped.
 */
export function innerLength<P>(
  allowedIps: AllowedIps<P>,
  peer: P,
  buffer: PacketBuffer,
  offset: number,
  length: number,
): number {
  const version = ipVersion(buffer.view, offset, length);
  const inner = version === 0 ? 0 : ipLength(buffer.view, offset, length, version);
  if (inner === 0) return -COUNT['malformed-packet'];
  const owner =
    version === 4
      ? allowedIps.lookup4(buffer, offset + IPV4_SOURCE)
      : allowedIps.lookup6(buffer, offset + IPV6_SOURCE);
  if (owner === peer) return inner;
  const isStandIn =
    owner !== null &&
    (version === 4
      ? allowedIps.standsIn(buffer, offset + IPV4_SOURCE, 4, owner, peer)
      : allowedIps.standsIn(buffer, offset + IPV6_SOURCE, 16, owner, peer));
  return isStandIn ? inner : -COUNT['source-not-allowed'];
}

/** 5.4.6: the next multiple of 16, but no packet grows beyond the MTU. A packet larger than the MTU is padded by its rest. */
export function paddedLength(length: number, mtu: number): number {
  if (mtu === 0) return Math.ceil(length / PADDING_MULTIPLE) * PADDING_MULTIPLE;
  const last = length > mtu ? length % mtu : length;
  const padded = Math.ceil(last / PADDING_MULTIPLE) * PADDING_MULTIPLE;
  return length - last + Math.min(padded, mtu);
}
