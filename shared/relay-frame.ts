/**
 * The frames of a relay's stream that carry datagrams, read and written by hand in the form that proto/warren.proto gives to
 * RelayFrame.datagrams: a relay has to look at the address and the lengths, and copies nothing.
 */

/** Tags: RelayFrame.datagrams = 1, RelayDatagrams.node_id = 1, RelayDatagrams.datagrams = 2; all length-delimited. */
const FRAME_TAG = 0x0a;
const NODE_ID_TAG = 0x0a;
const DATAGRAM_TAG = 0x12;

/** A frame, whatever is in it, is at most this long. */
export const MAX_FRAME = 128 * 1024;
/** At most this many datagrams stand in a frame: the kernel hands over no more at once. */
export const MAX_DATAGRAMS = 128;
/** What a frame holds beside the datagrams and their own 4 bytes each. */
export const FRAME_OVERHEAD = 80;
const MAX_NODE_ID = 64;

/** Where things are in a frame of datagrams. */
export interface DatagramFrame {
  /** Of the node id, which is ASCII. */
  readonly idStart: number;
  readonly idEnd: number;
  readonly count: number;
  /** Of all datagrams together. */
  readonly bytes: number;
}

/** Whether this is a frame of datagrams; others are for the generated code. */
export function isDatagramFrame(frame: Uint8Array): boolean {
  return frame[0] === FRAME_TAG;
}

/** A frame for, or from, a node. The id is ASCII of at most 64 characters. Throws RangeError for more than fits a frame. */
export function encodeDatagrams(nodeId: string, datagrams: readonly Uint8Array[]): Buffer {
  let inner = 2 + nodeId.length;
  for (const datagram of datagrams) inner += 1 + varintLength(datagram.length) + datagram.length;
  const length = 1 + varintLength(inner) + inner;
  if (length > MAX_FRAME || datagrams.length > MAX_DATAGRAMS || nodeId.length > MAX_NODE_ID) {
    throw new RangeError('more than fits a frame');
  }
  const frame = Buffer.allocUnsafe(length);
  frame[0] = FRAME_TAG;
  let at = writeVarint(frame, 1, inner);
  frame[at++] = NODE_ID_TAG;
  frame[at++] = nodeId.length;
  at += frame.write(nodeId, at, 'latin1');
  for (const datagram of datagrams) {
    frame[at++] = DATAGRAM_TAG;
    at = writeVarint(frame, at, datagram.length);
    frame.set(datagram, at);
    at += datagram.length;
  }
  return frame;
}

/** Reads a frame of datagrams, which is untrusted: null for one that is anything but whole and in its one order. */
export function readDatagramFrame(frame: Uint8Array): DatagramFrame | null {
  if (frame.length > MAX_FRAME || frame[0] !== FRAME_TAG) return null;
  const inner = readLength(frame, 1);
  if (inner === null || inner.start + inner.length !== frame.length) return null;
  if (frame[inner.start] !== NODE_ID_TAG) return null;
  const id = readLength(frame, inner.start + 1);
  if (id === null || id.length === 0 || id.length > MAX_NODE_ID) return null;
  const idEnd = id.start + id.length;
  if (idEnd > frame.length) return null;
  for (let at = id.start; at < idEnd; at++) if ((frame[at] as number) > 0x7f) return null;
  let count = 0;
  let bytes = 0;
  for (let at = idEnd; at < frame.length; ) {
    if (frame[at] !== DATAGRAM_TAG) return null;
    const datagram = readLength(frame, at + 1);
    if (datagram === null) return null;
    at = datagram.start + datagram.length;
    if (at > frame.length) return null;
    bytes += datagram.length;
    if (++count > MAX_DATAGRAMS) return null;
  }
  return { idStart: id.start, idEnd, count, bytes };
}

export function nodeIdOf(frame: Buffer, { idStart, idEnd }: DatagramFrame): string {
  return frame.toString('latin1', idStart, idEnd);
}

/** The same datagrams under another node id, in the same memory where the ids are of one length. */
export function withNodeId(frame: Buffer, { idStart, idEnd }: DatagramFrame, nodeId: Uint8Array): Buffer {
  if (nodeId.length === idEnd - idStart) {
    frame.set(nodeId, idStart);
    return frame;
  }
  const rest = frame.length - idEnd;
  const inner = 2 + nodeId.length + rest;
  const other = Buffer.allocUnsafe(1 + varintLength(inner) + inner);
  other[0] = FRAME_TAG;
  let at = writeVarint(other, 1, inner);
  other[at++] = NODE_ID_TAG;
  other[at++] = nodeId.length;
  other.set(nodeId, at);
  other.set(frame.subarray(idEnd), at + nodeId.length);
  return other;
}

/** Calls back with each datagram of a frame that `readDatagramFrame` read; they lie in the frame. */
export function forEachDatagram(
  frame: Uint8Array,
  { idEnd }: DatagramFrame,
  body: (datagram: Uint8Array) => void,
): void {
  for (let at = idEnd; at < frame.length; ) {
    const { start, length } = readLength(frame, at + 1) as { start: number; length: number };
    at = start + length;
    body(frame.subarray(start, at));
  }
}

/** How much of a frame a datagram takes. */
export function spaceOf(datagram: Uint8Array): number {
  return 1 + varintLength(datagram.length) + datagram.length;
}

/** Lengths here need no more than 3 bytes of 7 bits (MAX_FRAME); longer spellings are refused. */
function readLength(bytes: Uint8Array, at: number): { start: number; length: number } | null {
  const first = bytes[at];
  if (first === undefined) return null;
  if (first < 0x80) return { start: at + 1, length: first };
  const second = bytes[at + 1];
  if (second === undefined) return null;
  if (second < 0x80) return { start: at + 2, length: (first & 0x7f) | (second << 7) };
  const third = bytes[at + 2];
  if (third === undefined || third >= 0x80) return null;
  return { start: at + 3, length: (first & 0x7f) | ((second & 0x7f) << 7) | (third << 14) };
}

function varintLength(value: number): number {
  return value < 0x80 ? 1 : value < 0x4000 ? 2 : 3;
}

/** Returns the place behind what it wrote. */
function writeVarint(bytes: Uint8Array, at: number, value: number): number {
  let place = at;
  let rest = value;
  for (; rest >= 0x80; rest >>>= 7) bytes[place++] = (rest & 0x7f) | 0x80;
  bytes[place++] = rest;
  return place;
}
