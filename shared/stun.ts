import type { Endpoint } from './endpoint.ts';
import type { IpBytes } from './ip.ts';

/** STUN messages as agent and coordinator use them: the Binding method of RFC 8489, CHANGE-REQUEST of RFC 5780. */
export const MAGIC_COOKIE = 0x2112a442;
export const HEADER_LENGTH = 20;
export const BINDING_REQUEST = 0x0001;
export const BINDING_SUCCESS = 0x0101;
export const BINDING_ERROR = 0x0111;
export const MAPPED_ADDRESS = 0x0001;
export const CHANGE_REQUEST = 0x0003;
export const ERROR_CODE = 0x0009;
export const UNKNOWN_ATTRIBUTES = 0x000a;
export const XOR_MAPPED_ADDRESS = 0x0020;
const SOFTWARE = 0x8022;
/** RFC 5780 7.2: flags of CHANGE-REQUEST. */
export const CHANGE_PORT = 0x02;
export const CHANGE_IP = 0x04;
/** As long as the longest success, that to IPv6: a server that never sends more than it got answers it. */
const REQUEST_LENGTH = 44;
const FAMILY_IPV4 = 1;
const FAMILY_IPV6 = 2;

/** A Binding request, 44 bytes. `id` is 12 random bytes; with `changePort` the answer is to come from the server's other port. */
export function bindingRequest(id: Uint8Array, options: { changePort?: boolean } = {}): Uint8Array {
  const bytes = new Uint8Array(REQUEST_LENGTH);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, BINDING_REQUEST);
  view.setUint16(2, REQUEST_LENGTH - HEADER_LENGTH);
  view.setUint32(4, MAGIC_COOKIE);
  bytes.set(id.subarray(0, 12), 8);
  let at = HEADER_LENGTH;
  if (options.changePort === true) {
    view.setUint16(at, CHANGE_REQUEST);
    view.setUint16(at + 2, 4);
    view.setUint32(at + 4, CHANGE_PORT);
    at += 8;
  }
  view.setUint16(at, SOFTWARE);
  view.setUint16(at + 2, REQUEST_LENGTH - at - 4);
  bytes.fill(0x20, at + 4);
  bytes.set([0x57, 0x61, 0x72, 0x72, 0x65, 0x6e], at + 4); // "Warren"
  return bytes;
}

export type BindingResponse =
  | { kind: 'success'; mapped: Endpoint }
  /** RFC 8489 14.8: 300 to 699. */
  | { kind: 'error'; code: number };

/**
 * Whether a datagram can only be an answer to a Binding request. No WireGuard message is one: their second byte is 0, that of
 * the answers is not.
 */
export function isBindingResponse(bytes: Uint8Array): boolean {
  if (bytes.length < HEADER_LENGTH) return false;
  if (bytes[0] !== 0x01 || (bytes[1] !== 0x01 && bytes[1] !== 0x11)) return false;
  return bytes[4] === 0x21 && bytes[5] === 0x12 && bytes[6] === 0xa4 && bytes[7] === 0x42;
}

/** Whether a response is to the request with this id (12 bytes). Only such a one is to be believed. */
export function answers(response: Uint8Array, id: Uint8Array): boolean {
  if (response.length < HEADER_LENGTH || id.length !== 12) return false;
  for (let i = 0; i < 12; i++) if (response[8 + i] !== id[i]) return false;
  return true;
}

/**
 * What a response says, or null if it is none or malformed: untrusted input. XOR-MAPPED-ADDRESS counts before MAPPED-ADDRESS,
 * which middleboxes rewrite (RFC 8489 14.2). A success with an attribute that must be understood and is not is none (6.3.3).
 */
export function parseBindingResponse(bytes: Uint8Array): BindingResponse | null {
  if (!isBindingResponse(bytes)) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const attributes = readAttributes(bytes);
  if (attributes === null) return null;
  if (view.getUint16(0) === BINDING_ERROR) {
    const error = attributes.find(({ type }) => type === ERROR_CODE)?.value;
    if (error === undefined || error.length < 4) return null;
    const code = ((error[2] as number) & 7) * 100 + (error[3] as number);
    return code >= 300 && code <= 699 ? { kind: 'error', code } : null;
  }
  let mapped: Endpoint | null = null;
  let xored: Endpoint | null = null;
  for (const { type, value } of attributes) {
    if (type === XOR_MAPPED_ADDRESS) xored ??= address(value, bytes.subarray(4, HEADER_LENGTH));
    else if (type === MAPPED_ADDRESS) mapped ??= address(value, null);
    else if (!mayBeIgnored(type)) return null;
  }
  const found = xored ?? mapped;
  return found === null || found.port === 0 ? null : { kind: 'success', mapped: found };
}

/** Attributes that stand in answers of known servers and say nothing that matters here. */
const KNOWN: readonly number[] = [
  0x0004, // SOURCE-ADDRESS and
  0x0005, // CHANGED-ADDRESS of RFC 3489
  0x0008, // MESSAGE-INTEGRITY
  0x001c, // MESSAGE-INTEGRITY-SHA256
];

function mayBeIgnored(type: number): boolean {
  return type >= 0x8000 || KNOWN.includes(type);
}

export interface Attribute {
  readonly type: number;
  /** Without padding; lies in the message. */
  readonly value: Uint8Array;
}

/** The attributes of a message that has at least a header; null when lengths do not fit (sections 5 and 14). */
export function readAttributes(bytes: Uint8Array): Attribute[] | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if ((bytes.length & 3) !== 0 || view.getUint16(2) !== bytes.length - HEADER_LENGTH) return null;
  const attributes: Attribute[] = [];
  for (let at = HEADER_LENGTH; at < bytes.length; ) {
    const length = view.getUint16(at + 2);
    const next = at + 4 + ((length + 3) & ~3);
    if (next > bytes.length) return null;
    attributes.push({ type: view.getUint16(at), value: bytes.subarray(at + 4, at + 4 + length) });
    at = next;
  }
  return attributes;
}

/** MAPPED-ADDRESS (14.1), or XOR-MAPPED-ADDRESS (14.2) where the 16 bytes behind the message's length are given. */
function address(value: Uint8Array, mask: Uint8Array | null): Endpoint | null {
  const family = value[1];
  const length = family === FAMILY_IPV4 ? 4 : family === FAMILY_IPV6 ? 16 : 0;
  if (length === 0 || value.length !== 4 + length) return null;
  const bytes: IpBytes = Uint8Array.from(value.subarray(4));
  let port = ((value[2] as number) << 8) | (value[3] as number);
  if (mask !== null) {
    port ^= MAGIC_COOKIE >>> 16;
    for (let i = 0; i < length; i++) bytes[i] = (bytes[i] as number) ^ (mask[i] as number);
  }
  return { address: bytes, port };
}

/** An attribute with an address and port, at `at` of `out`; for XOR-MAPPED-ADDRESS header and id must be there already. */
export function writeAddress(out: Uint8Array, at: number, type: number, endpoint: Endpoint): void {
  const view = new DataView(out.buffer, out.byteOffset, out.length);
  const { address: bytes, port } = endpoint;
  const isXored = type === XOR_MAPPED_ADDRESS;
  view.setUint16(at, type);
  view.setUint16(at + 2, 4 + bytes.length);
  view.setUint8(at + 4, 0);
  view.setUint8(at + 5, bytes.length === 4 ? FAMILY_IPV4 : FAMILY_IPV6);
  view.setUint16(at + 6, isXored ? port ^ (MAGIC_COOKIE >>> 16) : port);
  for (let i = 0; i < bytes.length; i++) {
    out[at + 8 + i] = (bytes[i] as number) ^ (isXored ? (out[4 + i] as number) : 0);
  }
}
