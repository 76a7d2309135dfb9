import koffi from 'koffi';

/**
 * The system calls of the data plane, by koffi. Pointers are plain numbers (addresses of PacketBuffers): a call then
 * costs some 100 ns, where koffi would spend several times that looking into a Buffer. A result of -1 means failure;
 * `errno()` right after tells why, for the calling thread.
 */
const libc = koffi.load('libc.so.6');

export const open = libc.func('int open(const char *path, int flags)') as unknown as (
  path: string,
  flags: number,
) => number;
export const close = libc.func('int close(int fd)') as unknown as (fd: number) => number;
export const read = libc.func('intptr_t read(int fd, uintptr_t buffer, size_t length)') as unknown as (
  fd: number,
  buffer: number,
  length: number,
) => number;
export const write = libc.func('intptr_t write(int fd, uintptr_t buffer, size_t length)') as unknown as (
  fd: number,
  buffer: number,
  length: number,
) => number;
export const ioctl = libc.func('int ioctl(int fd, unsigned long request, uintptr_t argument)') as unknown as (
  fd: number,
  request: number,
  argument: number,
) => number;
export const poll = libc.func(
  'int poll(uintptr_t descriptors, unsigned long count, int timeout)',
) as unknown as (descriptors: number, count: number, timeout: number) => number;
export const socket = libc.func('int socket(int domain, int type, int protocol)') as unknown as (
  domain: number,
  type: number,
  protocol: number,
) => number;
export const bind = libc.func('int bind(int fd, uintptr_t address, unsigned int length)') as unknown as (
  fd: number,
  address: number,
  length: number,
) => number;
export const getsockname = libc.func(
  'int getsockname(int fd, uintptr_t address, uintptr_t length)',
) as unknown as (fd: number, address: number, length: number) => number;
export const setsockopt = libc.func(
  'int setsockopt(int fd, int level, int option, uintptr_t value, unsigned int length)',
) as unknown as (fd: number, level: number, option: number, value: number, length: number) => number;
export const getsockopt = libc.func(
  'int getsockopt(int fd, int level, int option, uintptr_t value, uintptr_t length)',
) as unknown as (fd: number, level: number, option: number, value: number, length: number) => number;
export const sendmsg = libc.func('intptr_t sendmsg(int fd, uintptr_t message, int flags)') as unknown as (
  fd: number,
  message: number,
  flags: number,
) => number;
export const recvmsg = libc.func('intptr_t recvmsg(int fd, uintptr_t message, int flags)') as unknown as (
  fd: number,
  message: number,
  flags: number,
) => number;
export const eventfd = libc.func('int eventfd(unsigned int initial, int flags)') as unknown as (
  initial: number,
  flags: number,
) => number;
export const setns = libc.func('int setns(int fd, int kind)') as unknown as (
  fd: number,
  kind: number,
) => number;

/** Why the last call of this thread failed. */
export function errno(): number {
  return koffi.errno();
}

/** `ENOENT` and so on, for messages. */
export function errnoName(code: number): string {
  for (const [name, value] of Object.entries(koffi.os.errno)) {
    if (value === code) return name;
  }
  return `errno ${code}`;
}

/** The values of this platform's kernel; the same on every architecture that Node.js has Linux builds for. */
export const EPERM = 1;
export const ENOENT = 2;
export const EIO = 5;
export const EAGAIN = 11;
export const EACCES = 13;
export const EBUSY = 16;
export const EINVAL = 22;
export const EBADFD = 77;
export const EMSGSIZE = 90;
export const EADDRINUSE = 98;
export const EAFNOSUPPORT = 97;
export const ENOBUFS = 105;
export const EINTR = 4;
export const ENODEV = 19;

export const O_RDWR = 2;
export const O_NONBLOCK = 0x800;
export const O_CLOEXEC = 0x80000;
export const POLLIN = 1;
export const POLLOUT = 4;
export const POLLERR = 8;
export const POLLHUP = 16;
export const POLLNVAL = 32;
