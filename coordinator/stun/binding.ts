/** RFC 8489: the Binding method, and nothing else of it. */
export const MAGIC_COOKIE = 0x2112a442;
const BINDING_REQUEST = 0x0001;
const BINDING_SUCCESS = 0x0101;
const XOR_MAPPED_ADDRESS = 0x0020;
const HEADER_LENGTH = 20;

/**
 * The answer to a Binding request from an address (4 or 16 bytes) and port, or null if the datagram is no such request. The
 * answer is 32 bytes to IPv4 and 44 to IPv6. RFC 8489 answers the bare header of 20 bytes too, which makes the answer longer
 * than the question: a responder open to the Internet would amplify what comes from forged sources. Requests shorter than
 * their answer are therefore not answered; an attribute that may be ignored, such as SOFTWARE, makes one long enough.
 */
export function bindingAnswer(request: Uint8Array, address: Uint8Array, port: number): Uint8Array | null {
  const length = HEADER_LENGTH + 8 + address.length;
  if (request.length < length) return null;
  const view = new DataView(request.buffer, request.byteOffset, request.length);
  if (view.getUint16(0) !== BINDING_REQUEST || view.getUint32(4) !== MAGIC_COOKIE) return null;
  // Section 5: the length counts what follows the header, in whole words.
  if (view.getUint16(2) !== request.length - HEADER_LENGTH || (request.length & 3) !== 0) return null;
  const answer = new Uint8Array(length);
  const out = new DataView(answer.buffer);
  out.setUint16(0, BINDING_SUCCESS);
  out.setUint16(2, length - HEADER_LENGTH);
  // Magic cookie and transaction id.
  answer.set(request.subarray(4, HEADER_LENGTH), 4);
  // Section 14.2: family, port and address, XORed with the cookie and the transaction id behind it.
  out.setUint16(HEADER_LENGTH, XOR_MAPPED_ADDRESS);
  out.setUint16(HEADER_LENGTH + 2, 4 + address.length);
  out.setUint8(HEADER_LENGTH + 5, address.length === 4 ? 1 : 2);
  out.setUint16(HEADER_LENGTH + 6, port ^ (MAGIC_COOKIE >>> 16));
  for (let i = 0; i < address.length; i++) {
    answer[HEADER_LENGTH + 8 + i] = (address[i] as number) ^ (answer[4 + i] as number);
  }
  return answer;
}
