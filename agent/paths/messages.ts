import type { Random } from '../../shared/random.ts';
import { xaeadOpen, xaeadSeal } from '../wireguard/crypto.ts';
import { UdpAddress } from '../wireguard/udp-address.ts';
import { CANDIDATE_KINDS, type Candidate } from './candidate.ts';
import { MAX_CANDIDATES } from './constants.ts';
import type { ProbeKeys } from './probe-keys.ts';

/**
 * What two agents tell each other about paths:
 *
 *      0        6      12           36                    length - 16
 *      magic    tag    nonce (24)   sealed content (32…)  Poly1305 tag
 *
 * sealed with XChaCha20-Poly1305 under the direction's key, magic and tag authenticated with it. The magic begins with 0xd7:
 * WireGuard's messages begin with 1 to 4 and three zeros, STUN's with two zero bits (RFC 8489, section 5), so nothing is
 * mistaken for anything else. The last byte of the magic is the version.
 *
 *     ping        1  flags  transaction (6)  zeros, 24 and more                            84 bytes and more
 *     pong        2  flags  transaction (6)  family  0  port (2)  address (16)  zeros (4)  84 bytes
 *     invitation  3  flags  id (6)           count, then for each: kind  family  port (2)  address (4 or 16)
 *
 * A pong is as long as the shortest ping: whoever forges sources gains nothing. Invitations come by relay only.
 */
const MAGIC = Uint8Array.of(0xd7, 0x57, 0x52, 0x50, 0x42, 0x01);
const MAGIC_START = 0xd757_5250;
const MAGIC_END = 0x4201;
const HEADER = 12;
const NONCE = 24;
const CONTENT = HEADER + NONCE;
const TAG = 16;
const PROBE_CONTENT = 32;
/** The length of a pong and of the shortest ping. */
export const PROBE_LENGTH = CONTENT + PROBE_CONTENT + TAG;

const TYPE = { ping: 1, pong: 2, invitation: 3 } as const;
/** The sender has packets for the receiver, and so an interest in a direct path. */
const WANTED = 1;
/** An invitation that answers one. */
const REPLY = 2;
/** The sender's NAT maps each destination to a port of its own: only probes at many ports can find it. */
const HARD = 4;

export type Message = Ping | Pong | Invitation;

export interface Ping {
  kind: 'ping';
  /** 48 random bits. */
  transaction: number;
  wanted: boolean;
}

export interface Pong {
  kind: 'pong';
  transaction: number;
  /** Where the ping came from, as its receiver saw it. */
  observed: UdpAddress;
}

export interface Invitation {
  kind: 'invitation';
  id: number;
  wanted: boolean;
  reply: boolean;
  hard: boolean;
  candidates: readonly Candidate[];
}

/** Whether a datagram is a message of this kind, by its first bytes alone. */
export function isProbe(view: DataView, offset: number, length: number): boolean {
  return (
    length >= PROBE_LENGTH &&
    view.getUint32(offset) === MAGIC_START &&
    view.getUint16(offset + 4) === MAGIC_END
  );
}

/** The tag of a message that `isProbe`. */
export function tagOf(message: Uint8Array): number {
  return uint48(message, MAGIC.length);
}

/** A message as it goes on the wire, freshly allocated. `tag` is that of the direction. */
export function sealMessage(message: Message, tag: number, keys: ProbeKeys, random: Random): Uint8Array {
  const content = contentOf(message);
  const bytes = new Uint8Array(CONTENT + content.length + TAG);
  bytes.set(MAGIC);
  putUint48(bytes, MAGIC.length, tag);
  const nonce = bytes.subarray(HEADER, CONTENT);
  random.fill(nonce);
  bytes.set(xaeadSeal(keys.sending, nonce, content, bytes.subarray(0, HEADER)), CONTENT);
  return bytes;
}

/** The message in `bytes`, or null if it was not sealed by the other end or says nothing that is understood. */
export function openMessage(bytes: Uint8Array, keys: ProbeKeys): Message | null {
  if (bytes.length < PROBE_LENGTH) return null;
  const nonce = bytes.subarray(HEADER, CONTENT);
  const content = xaeadOpen(keys.receiving, nonce, bytes.subarray(CONTENT), bytes.subarray(0, HEADER));
  return content === null ? null : messageOf(content);
}

function contentOf(message: Message): Uint8Array {
  if (message.kind === 'invitation') return invitationContent(message);
  const content = new Uint8Array(PROBE_CONTENT);
  content[0] = TYPE[message.kind];
  putUint48(content, 2, message.transaction);
  if (message.kind === 'ping') content[1] = message.wanted ? WANTED : 0;
  else {
    const { observed } = message;
    content[8] = observed.family;
    putPort(content, 10, observed.port);
    content.set(observed.addressBytes(), 12);
  }
  return content;
}

function invitationContent(invitation: Invitation): Uint8Array {
  const { candidates } = invitation;
  const size = candidates.reduce((sum, { address }) => sum + 4 + (address.family === 4 ? 4 : 16), 9);
  const content = new Uint8Array(Math.max(size, PROBE_CONTENT));
  content[0] = TYPE.invitation;
  content[1] =
    (invitation.wanted ? WANTED : 0) | (invitation.reply ? REPLY : 0) | (invitation.hard ? HARD : 0);
  putUint48(content, 2, invitation.id);
  content[8] = candidates.length;
  let at = 9;
  for (const { kind, address } of candidates) {
    content[at] = CANDIDATE_KINDS.indexOf(kind);
    content[at + 1] = address.family;
    putPort(content, at + 2, address.port);
    const bytes = address.addressBytes();
    content.set(bytes, at + 4);
    at += 4 + bytes.length;
  }
  return content;
}

function messageOf(content: Uint8Array): Message | null {
  if (content.length < PROBE_CONTENT) return null;
  const flags = content[1] as number;
  const transaction = uint48(content, 2);
  const wanted = (flags & WANTED) !== 0;
  switch (content[0]) {
    case TYPE.ping:
      return { kind: 'ping', transaction, wanted };
    case TYPE.pong: {
      const observed = addressAt(content, content[8], port(content, 10), 12);
      return observed === null ? null : { kind: 'pong', transaction, observed };
    }
    case TYPE.invitation: {
      const candidates = candidatesOf(content);
      if (candidates === null) return null;
      const reply = (flags & REPLY) !== 0;
      const hard = (flags & HARD) !== 0;
      return { kind: 'invitation', id: transaction, wanted, reply, hard, candidates };
    }
  }
  return null;
}

/** Null if they do not fit. A kind of a later version counts as an interface's address. */
function candidatesOf(content: Uint8Array): Candidate[] | null {
  const count = content[8] as number;
  if (count > MAX_CANDIDATES) return null;
  const candidates: Candidate[] = [];
  let at = 9;
  for (let i = 0; i < count; i++) {
    const address =
      at + 4 > content.length ? null : addressAt(content, content[at + 1], port(content, at + 2), at + 4);
    if (address === null) return null;
    candidates.push({ kind: CANDIDATE_KINDS[content[at] as number] ?? 'interface', address });
    at += address.family === 4 ? 8 : 20;
  }
  return candidates;
}

function addressAt(content: Uint8Array, family: unknown, port: number, at: number): UdpAddress | null {
  const length = family === 4 ? 4 : family === 6 ? 16 : 0;
  if (length === 0 || at + length > content.length) return null;
  return UdpAddress.from(content.subarray(at, at + length), port);
}

function port(bytes: Uint8Array, at: number): number {
  return (bytes[at] as number) * 256 + (bytes[at + 1] as number);
}

function putPort(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 8;
  bytes[at + 1] = value;
}

/** 48 bits are exact in a number. */
function uint48(bytes: Uint8Array, at: number): number {
  let value = 0;
  for (let i = 0; i < 6; i++) value = value * 256 + (bytes[at + i] as number);
  return value;
}

function putUint48(bytes: Uint8Array, at: number, value: number): void {
  let rest = value;
  for (let i = 5; i >= 0; i--) {
    bytes[at + i] = rest % 256;
    rest = Math.floor(rest / 256);
  }
}

/** 48 random bits, for a transaction or an invitation. */
export function randomId(random: Random): number {
  const bytes = new Uint8Array(6);
  random.fill(bytes);
  return uint48(bytes, 0);
}
