import dns from 'dns-packet';
import { answerLimit, HEADER, type Question, TYPES } from './question.ts';
import type { ZoneEntry } from './zone.ts';

/** Response codes (RFC 1035 4.1.1; BADVERS of RFC 6891 6.1.3 needs EDNS for its upper bits). */
export const RCODES = {
  NOERROR: 0,
  FORMERR: 1,
  SERVFAIL: 2,
  NXDOMAIN: 3,
  NOTIMP: 4,
  REFUSED: 5,
  BADVERS: 16,
};

/**
 * Nothing is kept by who asks: a rename is to be followed at once, and the answer is a function call away (RFC 1035 3.2.1: 0 is
 * for the transaction in progress).
 */
const TTL = 0;

/** There is no server that others could ask: its name says so (RFC 2606). */
const SERVER = 'agent.invalid';

/** Records of an answer in the library's form. */
type Answer = dns.Answer;

/** The answer of the zone's own authority. By UDP one that is longer than the asker takes is truncated, so that it asks again by TCP. */
export function zoneAnswer(question: Question, entry: ZoneEntry, byUdp: boolean): Uint8Array {
  const { records, apex } = entry;
  if (records === null) return response(question, RCODES.NXDOMAIN, [], [authority(apex)], true, byUdp);
  const answers = recordsOf(question, entry);
  return response(
    question,
    RCODES.NOERROR,
    answers,
    answers.length > 0 ? [] : [authority(apex)],
    true,
    byUdp,
  );
}

/** An answer that says only what is wrong. */
export function failure(question: Question, rcode: number): Uint8Array {
  return response(question, rcode, [], [], false, true);
}

/** Addresses of a name that were kept from an earlier answer. */
export function addressAnswer(question: Question, addresses: readonly string[], byUdp: boolean): Uint8Array {
  return response(question, RCODES.NOERROR, addressRecords(question, addresses), [], false, byUdp);
}

/** To a query whose opcode or number of questions is not ours: the header alone. */
export function headerFailure(bytes: Uint8Array, rcode: number): Uint8Array {
  const out = Buffer.alloc(HEADER);
  out.set(bytes.subarray(0, 4));
  // Opcode and RD as they came.
  out.writeUInt16BE(0x8000 | (out.readUInt16BE(2) & 0x7900) | rcode, 2);
  return out;
}

function recordsOf(question: Question, { apex, records }: ZoneEntry): Answer[] {
  const { name, type } = question;
  const found: Answer[] = addressRecords(question, records?.addresses ?? []);
  const asks = (wanted: number) => type === wanted || type === TYPES.ANY;
  if (records?.pointer != null && asks(TYPES.PTR)) {
    found.push({ type: 'PTR', name, ttl: TTL, data: records.pointer });
  }
  if (name === apex && asks(TYPES.SOA)) found.push(authority(apex));
  if (name === apex && asks(TYPES.NS)) found.push({ type: 'NS', name, ttl: TTL, data: SERVER });
  return found;
}

function addressRecords({ name, type }: Question, addresses: readonly string[]): Answer[] {
  return addresses.flatMap((data): Answer[] => {
    const kind = data.includes(':') ? 'AAAA' : 'A';
    return type === TYPES[kind] || type === TYPES.ANY ? [{ type: kind, name, ttl: TTL, data }] : [];
  });
}

function authority(apex: string): Answer {
  return {
    type: 'SOA',
    name: apex,
    ttl: TTL,
    data: {
      mname: SERVER,
      rname: 'nobody.invalid',
      serial: 1,
      refresh: 3600,
      retry: 600,
      expire: 86_400,
      minimum: TTL,
    },
  };
}

function response(
  question: Question,
  rcode: number,
  answers: readonly Answer[],
  authorities: readonly Answer[],
  authoritative: boolean,
  byUdp: boolean,
): Uint8Array {
  const additionals = question.edns === null ? [] : [optRecord(rcode)];
  const flags =
    // QR, and what it came with of opcode, RD and CD; RA; AA.
    0x8000 | (question.flags & 0x7910) | 0x0080 | (authoritative ? 0x0400 : 0) | (rcode & 0xf);
  const whole = assemble(question, flags, {
    answers: [...answers],
    authorities: [...authorities],
    additionals,
  });
  if (!byUdp || whole.length <= answerLimit(question)) return whole;
  return assemble(question, flags | 0x0200, { answers: [], authorities: [], additionals });
}

type Sections = Record<'answers' | 'authorities' | 'additionals', Answer[]>;

function assemble({ bytes, id, end }: Question, flags: number, sections: Sections): Uint8Array {
  const encoded = dns.encode({ type: 'response', id, ...sections });
  encoded.writeUInt16BE(flags, 2);
  encoded.writeUInt16BE(1, 4);
  // The question as it came, upper and lower case included.
  return Buffer.concat([encoded.subarray(0, HEADER), bytes.subarray(HEADER, end), encoded.subarray(HEADER)]);
}

function optRecord(rcode: number): Answer {
  return {
    type: 'OPT',
    name: '.',
    udpPayloadSize: 1232,
    extendedRcode: rcode >> 4,
    ednsVersion: 0,
    flags: 0,
    flag_do: false,
    options: [],
  };
}
