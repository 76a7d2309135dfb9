/**
 * A TCP stream with one urgent byte in its middle, which node:net cannot send: `urgent-stream.ts ADDRESS PORT`. Without
 * SO_OOBINLINE the other end's stream is `urgentStream()`, for the urgent byte is not in it (tcp(7)).
 */
import koffi from 'koffi';
import { parseIp } from '../../shared/ip.ts';

const SOCK_STREAM = 1;
const MSG_OOB = 1;
const MSG_NOSIGNAL = 0x4000;

const half = (seed: number) =>
  Buffer.from(Array.from({ length: 300_001 }, (_, i) => (i * 7 + (i >> 8) + seed) & 0xff));

export function urgentStream(): Buffer {
  return Buffer.concat([half(1), half(2)]);
}

function send(address: Uint8Array, port: number): void {
  const libc = koffi.load(null);
  const isFour = address.length === 4;
  const to = Buffer.alloc(isFour ? 16 : 28);
  to.writeUInt16LE(isFour ? 2 : 10);
  to.writeUInt16BE(port, 2);
  to.set(address, isFour ? 4 : 8);
  const fd = libc.func('int socket(int domain, int type, int protocol)')(isFour ? 2 : 10, SOCK_STREAM, 0);
  if (libc.func('int connect(int fd, void *to, unsigned int size)')(fd, to, to.length) !== 0)
    throw new Error(`connect: errno ${koffi.errno()}`);
  const sendSome = libc.func('intptr_t send(int fd, void *data, size_t length, int flags)');
  const sendAll = (data: Buffer, flags: number) => {
    for (let at = 0; at < data.length; ) {
      const sent = Number(sendSome(fd, data.subarray(at), data.length - at, flags));
      if (sent < 0) throw new Error(`send: errno ${koffi.errno()}`);
      at += sent;
    }
  };
  sendAll(half(1), MSG_NOSIGNAL);
  sendAll(Buffer.from('!'), MSG_NOSIGNAL | MSG_OOB);
  sendAll(half(2), MSG_NOSIGNAL);
  libc.func('int close(int fd)')(fd);
}

if (import.meta.main) {
  const [address = '', port = ''] = process.argv.slice(2);
  send(parseIp(address) as Uint8Array, Number(port));
}
