import { WarrenError } from '../../shared/errors.ts';
import * as libc from '../drivers/linux/libc.ts';
import { nativeBuffer } from '../drivers/linux/memory.ts';
import { dumpRequest, readDump, type TrackedConnection } from './conntrack-message.ts';

const AF_NETLINK = 16;
const SOCK_RAW = 3;
const SOCK_FLAGS = 0x80000 | 0x800;
const NETLINK_NETFILTER = 12;
/** The kernel puts as many entries into one datagram as fit; it asks for no more than this. */
const RECEIVE_BUFFER = 64 << 10;
/** How long the kernel may take for the next part of an answer, milliseconds. */
const PATIENCE = 2_000;

/** All connections that the kernel tracks in this network namespace. Throws `permission-denied` without CAP_NET_ADMIN. */
export function trackedConnections(): TrackedConnection[] {
  const descriptor = libc.socket(AF_NETLINK, SOCK_RAW | SOCK_FLAGS, NETLINK_NETFILTER);
  if (descriptor < 0) throw refusal(libc.errno());
  try {
    const request = dumpRequest(1);
    const buffer = nativeBuffer(RECEIVE_BUFFER);
    buffer.bytes.set(request);
    if (libc.write(descriptor, buffer.address, request.length) < 0) throw refusal(libc.errno());
    const poll = nativeBuffer(8);
    poll.view.setInt32(0, descriptor, true);
    poll.view.setInt16(4, libc.POLLIN, true);
    const all: TrackedConnection[] = [];
    for (;;) {
      if (libc.poll(poll.address, 1, PATIENCE) <= 0) throw refusal(libc.EAGAIN);
      const length = libc.read(descriptor, buffer.address, RECEIVE_BUFFER);
      if (length < 0) throw refusal(libc.errno());
      const part = readDump(buffer.bytes.subarray(0, length));
      if (part.error !== 0) throw refusal(part.error);
      all.push(...part.connections);
      if (part.isLast) return all;
    }
  } finally {
    libc.close(descriptor);
  }
}

function refusal(why: number): WarrenError {
  const isForbidden = why === libc.EPERM || why === libc.EACCES;
  return new WarrenError(
    isForbidden ? 'permission-denied' : 'unsupported',
    `the kernel does not tell of connections: ${libc.errnoName(why)}`,
    { hint: isForbidden ? 'run the agent with CAP_NET_ADMIN' : 'it needs nf_conntrack_netlink' },
  );
}
