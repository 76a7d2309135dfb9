import koffi from 'koffi';
import { OUTSIDE_MARK } from '../mesh/outside-flows.ts';

const AF_INET = 2;
const AF_INET6 = 10;
const SOCK_DGRAM = 2;
/** SOCK_CLOEXEC and SOCK_NONBLOCK. */
const SOCK_FLAGS = 0x80000 | 0x800;
const SOL_SOCKET = 1;
const SO_MARK = 36;

const libc = koffi.load(null);
const socket = libc.func('int socket(int domain, int type, int protocol)');
const setsockopt = libc.func(
  'int setsockopt(int fd, int level, int option, const void *value, uint32_t length)',
);
const close = libc.func('int close(int fd)');

/**
 * A UDP socket whose datagrams never go by an exit node, for dgram's `bind({ fd })`; null where the kernel gives none, or no mark
 * (without CAP_NET_ADMIN).
 */
export function outsideSocket(family: 4 | 6): number | null {
  const descriptor = socket(family === 4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_FLAGS, 0) as number;
  if (descriptor < 0) return null;
  const mark = Buffer.alloc(4);
  mark.writeUInt32LE(OUTSIDE_MARK);
  if ((setsockopt(descriptor, SOL_SOCKET, SO_MARK, mark, mark.length) as number) === 0) return descriptor;
  close(descriptor);
  return null;
}
