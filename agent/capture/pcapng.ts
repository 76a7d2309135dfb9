/**
 * Blocks of a capture file in the form of draft-ietf-opsawg-pcapng, little endian: what Wireshark and tshark read. Pure.
 *
 *     type 0 | total length 4 | body, padded to 32 bits | total length
 */

const SECTION_HEADER = 0x0a0d0d0a;
const BYTE_ORDER_MAGIC = 0x1a2b3c4d;
const INTERFACE_DESCRIPTION = 1;
const NAME_RESOLUTION = 4;
const INTERFACE_STATISTICS = 5;
const ENHANCED_PACKET = 6;
/** LINKTYPE_RAW: a packet begins with its IPv4 or IPv6 header. */
const LINKTYPE_RAW = 101;

const OPTION_COMMENT = 1;
const OPTION_APPLICATION = 4;
const OPTION_INTERFACE_NAME = 2;
const OPTION_TIME_RESOLUTION = 9;
const OPTION_FLAGS = 2;
const OPTION_RECEIVED = 4;
const OPTION_DROPPED_BY_OS = 7;
const RECORD_IPV4 = 1;
const RECORD_IPV6 = 2;

/** Bits 0 and 1 of epb_flags. */
const FLAG_OF = { in: 1, out: 2 } as const;
/** if_tsresol: times are in units of 10^-9 s. */
const NANOSECONDS = Uint8Array.of(9);

/** Which way a packet goes, as seen from this host. */
export type Direction = keyof typeof FLAG_OF;

export interface CapturedPacket {
  direction: Direction;
  /** Nanoseconds since the epoch. */
  time: bigint;
  /** Beginning with its IP header. */
  bytes: Uint8Array;
  /** Its length before anything was cut off. */
  length: number;
}

type Option = readonly [code: number, value: Uint8Array];

/** What a file begins with: the section, and the one interface in it, number 0. */
export function fileHeader(application: string, interfaceName: string, snapLength: number): Uint8Array {
  const section = new Uint8Array(16);
  const view = new DataView(section.buffer);
  view.setUint32(0, BYTE_ORDER_MAGIC, true);
  view.setUint16(4, 1, true);
  // Section length: not known.
  view.setBigInt64(8, -1n, true);
  const description = new Uint8Array(8);
  const fields = new DataView(description.buffer);
  fields.setUint16(0, LINKTYPE_RAW, true);
  fields.setUint32(4, snapLength, true);
  return concat([
    block(SECTION_HEADER, [section, options([[OPTION_APPLICATION, utf8(application)]])]),
    block(INTERFACE_DESCRIPTION, [
      description,
      options([
        [OPTION_INTERFACE_NAME, utf8(interfaceName)],
        [OPTION_TIME_RESOLUTION, NANOSECONDS],
      ]),
    ]),
  ]);
}

/** Names of addresses (4 or 16 bytes), which readers show in their place. */
export function nameBlock(names: Iterable<readonly [address: Uint8Array, name: string]>): Uint8Array {
  const records = [...names].map(([address, name]) =>
    option(address.length === 4 ? RECORD_IPV4 : RECORD_IPV6, concat([address, utf8(name), Uint8Array.of(0)])),
  );
  return block(NAME_RESOLUTION, [...records, new Uint8Array(4)]);
}

/** `comment` is shown with the packet; empty for none. */
export function packetBlock(packet: CapturedPacket, comment: string): Uint8Array {
  const fields = new Uint8Array(20);
  const view = new DataView(fields.buffer);
  view.setUint32(4, Number(packet.time >> 32n), true);
  view.setUint32(8, Number(packet.time & 0xffff_ffffn), true);
  view.setUint32(12, packet.bytes.length, true);
  view.setUint32(16, packet.length, true);
  const flags = Uint8Array.of(FLAG_OF[packet.direction], 0, 0, 0);
  const comments: Option[] = comment === '' ? [] : [[OPTION_COMMENT, utf8(comment)]];
  return block(ENHANCED_PACKET, [
    fields,
    padded(packet.bytes),
    options([...comments, [OPTION_FLAGS, flags]]),
  ]);
}

/** How many packets there were, and how many more the kernel had no room for. */
export function statisticsBlock(time: bigint, received: number, dropped: number): Uint8Array {
  const fields = new Uint8Array(12);
  const view = new DataView(fields.buffer);
  view.setUint32(4, Number(time >> 32n), true);
  view.setUint32(8, Number(time & 0xffff_ffffn), true);
  return block(INTERFACE_STATISTICS, [
    fields,
    options([
      [OPTION_RECEIVED, word64(received)],
      [OPTION_DROPPED_BY_OS, word64(dropped)],
    ]),
  ]);
}

function block(type: number, parts: readonly Uint8Array[]): Uint8Array {
  const body = concat(parts);
  const result = new Uint8Array(12 + body.length);
  const view = new DataView(result.buffer);
  view.setUint32(0, type, true);
  view.setUint32(4, result.length, true);
  result.set(body, 8);
  view.setUint32(8 + body.length, result.length, true);
  return result;
}

/** Ended by opt_endofopt, which is all zeros. */
function options(all: readonly Option[]): Uint8Array {
  return concat([...all.map(([code, value]) => option(code, value)), new Uint8Array(4)]);
}

function option(code: number, value: Uint8Array): Uint8Array {
  const head = new Uint8Array(4);
  const view = new DataView(head.buffer);
  view.setUint16(0, code, true);
  view.setUint16(2, value.length, true);
  return concat([head, padded(value)]);
}

function padded(bytes: Uint8Array): Uint8Array {
  const rest = -bytes.length & 3;
  return rest === 0 ? bytes : concat([bytes, new Uint8Array(rest)]);
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const result = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    result.set(part, at);
    at += part.length;
  }
  return result;
}

function word64(value: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(value), true);
  return bytes;
}

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
