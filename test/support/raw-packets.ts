/**
 * Sends IP packets exactly as given, which no ordinary socket does: `raw-packets.ts FILE`, a line of hex for each. The kernel
 * sets IPv4's checksum, and an identification that is zero (raw(7)).
 */
import { readFileSync } from 'node:fs';
import koffi from 'koffi';

const SOCK_RAW = 3;
const IPPROTO_RAW = 255;
const AF_INET = 2;
const AF_INET6 = 10;

const libc = koffi.load(null);
const socket = libc.func('int socket(int domain, int type, int protocol)');
const sendto = libc.func(
  'intptr_t sendto(int fd, void *data, size_t length, int flags, void *to, unsigned int size)',
);

const sockets = {
  4: socket(AF_INET, SOCK_RAW, IPPROTO_RAW),
  6: socket(AF_INET6, SOCK_RAW, IPPROTO_RAW),
} as const;

/** struct sockaddr_in or sockaddr_in6 of a packet's destination; a raw socket's port is 0. */
function destination(packet: Buffer, family: 4 | 6): Buffer {
  const to = Buffer.alloc(family === 4 ? 16 : 28);
  to.writeUInt16LE(family === 4 ? AF_INET : AF_INET6);
  if (family === 4) packet.copy(to, 4, 16, 20);
  else packet.copy(to, 8, 24, 40);
  return to;
}

for (const line of readFileSync(process.argv[2] as string, 'utf8')
  .split('\n')
  .filter(Boolean)) {
  const packet = Buffer.from(line, 'hex');
  const family = (packet[0] as number) >>> 4 === 4 ? 4 : 6;
  const to = destination(packet, family);
  const sent = sendto(sockets[family], packet, packet.length, 0, to, to.length);
  if (sent !== packet.length) throw new Error(`errno ${koffi.errno()} for ${line.slice(0, 120)}`);
}
