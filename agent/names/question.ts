import dns from 'dns-packet';

/** A DNS message's header (RFC 1035 4.1.1). */
export const HEADER = 12;
/** Without EDNS, by UDP (RFC 1035 4.2.1). */
const PLAIN_LIMIT = 512;
/** What passes any path without fragments (RFC 9715). */
const EDNS_LIMIT = 1232;

export const CLASS_IN = 1;
export const CLASS_ANY = 255;

/** Numbers of types (RFC 1035 3.2.2, 3.2.3; RFC 3596). */
export const TYPES = {
  A: 1,
  NS: 2,
  SOA: 6,
  PTR: 12,
  AAAA: 28,
  OPT: 41,
  IXFR: 251,
  AXFR: 252,
  ANY: 255,
} as const;

/** A query as it came, read as far as is needed to answer it. */
export interface Question {
  /** The message; borrowed. */
  bytes: Uint8Array;
  id: number;
  /** The second 16 bits: opcode, RD, CD. */
  flags: number;
  /** Lower-case, without a dot at its end; '' is the root. Bytes that no host name has are written as `\DDD`. */
  name: string;
  type: number;
  class: number;
  /** Where the question section ends. */
  end: number;
  /** Null without EDNS (RFC 6891). */
  edns: { version: number; payloadSize: number; dnssecOk: boolean } | null;
}

/** Why a message is not a question; such a one is dropped and counted. */
export type QuestionDrop = 'short' | 'response' | 'malformed';

/** Reads a query. Never throws. `notImplemented`: whole, but of another opcode, or with another number of questions than one. */
export function readQuestion(bytes: Uint8Array): Question | QuestionDrop | { notImplemented: number } {
  if (bytes.length < HEADER) return 'short';
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const flags = view.getUint16(2);
  if ((flags & 0x8000) !== 0) return 'response';
  if (((flags >> 11) & 0xf) !== 0) return { notImplemented: 4 };
  if (view.getUint16(4) !== 1) return { notImplemented: 1 };
  const name = readName(bytes, HEADER);
  if (name === null || name.end + 4 > bytes.length) return 'malformed';
  const edns = readEdns(bytes);
  if (edns === 'malformed') return edns;
  return {
    bytes,
    id: view.getUint16(0),
    flags,
    name: name.text,
    type: view.getUint16(name.end),
    class: view.getUint16(name.end + 2),
    end: name.end + 4,
    edns,
  };
}

/** How long an answer by UDP may be. */
export function answerLimit({ edns }: Question): number {
  if (edns === null) return PLAIN_LIMIT;
  return Math.min(EDNS_LIMIT, Math.max(PLAIN_LIMIT, edns.payloadSize));
}

/** The name at `at`, which in a question is never compressed; null if it is no name. */
export function readName(bytes: Uint8Array, at: number): { text: string; end: number } | null {
  const labels: string[] = [];
  for (let offset = at; offset < bytes.length && offset - at < 255; ) {
    const length = bytes[offset] as number;
    if (length === 0) return { text: labels.join('.'), end: offset + 1 };
    if (length > 63 || offset + 1 + length > bytes.length) return null;
    labels.push(labelText(bytes.subarray(offset + 1, offset + 1 + length)));
    offset += 1 + length;
  }
  return null;
}

function labelText(label: Uint8Array): string {
  let text = '';
  for (const byte of label) {
    const plain = byte > 0x20 && byte < 0x7f && byte !== 0x2e && byte !== 0x5c;
    text += plain ? String.fromCharCode(byte) : `\\${String(byte).padStart(3, '0')}`;
  }
  return text.toLowerCase();
}

function readEdns(bytes: Uint8Array): Question['edns'] | 'malformed' {
  try {
    // A Buffer over the same bytes: the library reads by Buffer's methods, and throws at whatever does not fit.
    const packet = dns.decode(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length));
    const found = (packet.additionals ?? []).filter(({ type }) => type === 'OPT');
    if (found.length > 1) return 'malformed';
    const opt = found[0] as { udpPayloadSize: number; ednsVersion: number; flags: number } | undefined;
    if (opt === undefined) return null;
    const dnssecOk = (opt.flags & dns.DNSSEC_OK) !== 0;
    return { version: opt.ednsVersion, payloadSize: opt.udpPayloadSize, dnssecOk };
  } catch {
    return 'malformed';
  }
}
