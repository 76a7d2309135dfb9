import type { Endpoint } from '../../shared/endpoint.ts';
import {
  BINDING_ERROR,
  BINDING_REQUEST,
  BINDING_SUCCESS,
  CHANGE_IP,
  CHANGE_PORT,
  CHANGE_REQUEST,
  ERROR_CODE,
  HEADER_LENGTH,
  MAGIC_COOKIE,
  MAPPED_ADDRESS,
  readAttributes,
  UNKNOWN_ATTRIBUTES,
  writeAddress,
  XOR_MAPPED_ADDRESS,
} from '../../shared/stun.ts';

export interface BindingAnswer {
  bytes: Uint8Array;
  /** RFC 5780 7.2, "change port": to be sent from this server's other port. */
  fromOtherPort: boolean;
}

/** Those of authentication, which a server that asks for none passes over. */
const PASSED_OVER: readonly number[] = [
  0x0006, // USERNAME
  0x0008, // MESSAGE-INTEGRITY
  0x0014, // REALM
  0x0015, // NONCE
  0x001c, // MESSAGE-INTEGRITY-SHA256
];

/**
 * The answer to a Binding request from `source`, or null if the datagram is no such request: 32 bytes to IPv4, 44 to IPv6, 36
 * or more for an error. It can be longer than the request, for RFC 8489 answers the bare header of 20 bytes too: whether it is
 * sent all the same is the caller's decision. A request without the magic cookie is one of RFC 3489 and gets MAPPED-ADDRESS.
 */
export function bindingAnswer(request: Uint8Array, source: Endpoint): BindingAnswer | null {
  if (request.length < HEADER_LENGTH) return null;
  const view = new DataView(request.buffer, request.byteOffset, request.length);
  if (view.getUint16(0) !== BINDING_REQUEST) return null;
  const attributes = readAttributes(request);
  if (attributes === null) return null;
  const isClassic = view.getUint32(4) !== MAGIC_COOKIE;
  let fromOtherPort = false;
  const unknown: number[] = [];
  for (const { type, value } of attributes) {
    if (type === CHANGE_REQUEST && value.length === 4) {
      const flags = value[3] as number;
      fromOtherPort = (flags & CHANGE_PORT) !== 0;
      // There is one address only (RFC 5780 6.1: such a server does not offer to change it).
      if ((flags & CHANGE_IP) !== 0) unknown.push(type);
    } else if (type < 0x8000 && !PASSED_OVER.includes(type)) unknown.push(type);
  }
  if (unknown.length > 0) {
    return isClassic ? null : { bytes: unknownAttributes(request, unknown), fromOtherPort: false };
  }
  const bytes = answerTo(request, BINDING_SUCCESS, 8 + source.address.length);
  writeAddress(bytes, HEADER_LENGTH, isClassic ? MAPPED_ADDRESS : XOR_MAPPED_ADDRESS, source);
  return { bytes, fromOtherPort };
}

/** RFC 8489 6.3.1: error 420 with the types that were not understood (14.8, 14.9). */
function unknownAttributes(request: Uint8Array, types: readonly number[]): Uint8Array {
  const listed = (2 * types.length + 3) & ~3;
  const bytes = answerTo(request, BINDING_ERROR, 8 + 4 + listed);
  const view = new DataView(bytes.buffer);
  view.setUint16(20, ERROR_CODE);
  view.setUint16(22, 4);
  view.setUint16(26, 0x0414); // class 4, number 20
  view.setUint16(28, UNKNOWN_ATTRIBUTES);
  view.setUint16(30, 2 * types.length);
  types.forEach((type, index) => {
    view.setUint16(32 + 2 * index, type);
  });
  return bytes;
}

function answerTo(request: Uint8Array, type: number, bodyLength: number): Uint8Array {
  const bytes = new Uint8Array(HEADER_LENGTH + bodyLength);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, type);
  view.setUint16(2, bodyLength);
  // Magic cookie and transaction id; of RFC 3489 it is all transaction id.
  bytes.set(request.subarray(4, HEADER_LENGTH), 4);
  return bytes;
}
