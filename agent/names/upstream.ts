import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import { outsideSocket } from '../host/outside-socket.ts';
import { HEADER, type Question } from './question.ts';

/** By TCP there is a handshake more, and perhaps a resolver far away behind it. Milliseconds. */
const TCP_TIMEOUT = 4_000;

/** An exchange that was begun: `answer` is null where none can come any more, `cancel` ends it. */
export interface Exchange {
  answer: Promise<Uint8Array | null>;
  cancel(): void;
}

/**
 * Asks one resolver (an address, with `%interface` if link-local) by UDP from a socket of its own, so that the kernel chooses a
 * random port and takes datagrams from nobody else, under a random id (RFC 5452 9). What does not answer this question is ignored.
 * The answer has the asker's id again. `pastExit`: not by an exit node, whatever is set.
 */
export function askByUdp(resolver: string, port: number, question: Question, pastExit = false): Exchange {
  const socket = createSocket(resolver.includes(':') ? 'udp6' : 'udp4');
  const fd = pastExit ? outsideSocket(resolver.includes(':') ? 6 : 4) : null;
  if (fd !== null) socket.bind({ fd });
  const { promise, resolve } = Promise.withResolvers<Uint8Array | null>();
  const id = randomInt(0x10000);
  let closed = false;
  const finish = (answer: Uint8Array | null) => {
    if (!closed) socket.close();
    closed = true;
    resolve(answer);
  };
  socket.on('message', (message) => {
    if (isAnswer(message, id, question)) finish(withId(message, question.id));
  });
  // Nobody listens there (ICMP), or there is no way there.
  socket.on('error', () => finish(null));
  socket.connect(port, resolver, ((error?: Error) => {
    if (closed) return;
    if (error !== undefined) finish(null);
    else socket.send(withId(question.bytes, id), (failure) => failure !== null && finish(null));
  }) as () => void);
  return { answer: promise, cancel: () => finish(null) };
}

/** The same by TCP (RFC 7766), one question to a connection. */
export function askByTcp(resolver: string, port: number, question: Question): Exchange {
  const { promise, resolve } = Promise.withResolvers<Uint8Array | null>();
  const id = randomInt(0x10000);
  const socket = connect({ host: resolver, port });
  const finish = (answer: Uint8Array | null) => {
    socket.destroy();
    resolve(answer);
  };
  const reader = new MessageReader();
  socket.setTimeout(TCP_TIMEOUT, () => finish(null));
  socket.on('connect', () => socket.write(framed(withId(question.bytes, id))));
  socket.on('data', (chunk) => {
    for (const message of reader.take(chunk)) {
      finish(isAnswer(message, id, question) ? withId(message, question.id) : null);
      return;
    }
  });
  socket.on('error', () => finish(null));
  socket.on('close', () => resolve(null));
  return { answer: promise, cancel: () => finish(null) };
}

export function isTruncated(message: Uint8Array): boolean {
  return ((message[2] as number) & 0x02) !== 0;
}

/** By id, being a response, and its question (RFC 5452 9.1); where it came from the socket has seen to. */
export function isAnswer(message: Uint8Array, id: number, question: Question): boolean {
  const { end, bytes } = question;
  if (message.length < HEADER) return false;
  const view = new DataView(message.buffer, message.byteOffset, message.length);
  if (view.getUint16(0) !== id || (view.getUint16(2) & 0x8000) === 0) return false;
  // An error may come without the question (a server that does not know EDNS).
  if (view.getUint16(4) === 0) return (view.getUint16(2) & 0xf) !== 0 && message.length === HEADER;
  if (view.getUint16(4) !== 1 || message.length < end) return false;
  for (let at = HEADER; at < end; at++) {
    if (lower(message[at] as number) !== lower(bytes[at] as number)) return false;
  }
  return true;
}

function lower(byte: number): number {
  return byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte;
}

function withId(message: Uint8Array, id: number): Uint8Array {
  const copy = Buffer.from(message);
  copy.writeUInt16BE(id, 0);
  return copy;
}

/** With its length before it (RFC 1035 4.2.2). */
export function framed(message: Uint8Array): Uint8Array {
  const out = Buffer.alloc(2 + message.length);
  out.writeUInt16BE(message.length, 0);
  out.set(message, 2);
  return out;
}

/** Messages out of a TCP stream. */
export class MessageReader {
  #rest: Buffer = Buffer.alloc(0);

  /** The messages that are whole now. */
  take(chunk: Uint8Array): Uint8Array[] {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    const messages: Uint8Array[] = [];
    while (this.#rest.length >= 2) {
      const end = 2 + this.#rest.readUInt16BE(0);
      if (this.#rest.length < end) break;
      messages.push(this.#rest.subarray(2, end));
      this.#rest = this.#rest.subarray(end);
    }
    return messages;
  }
}
