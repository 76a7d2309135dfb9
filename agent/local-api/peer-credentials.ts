import type { Socket } from 'node:net';
import koffi from 'koffi';

const SOL_SOCKET = 1;
const SO_PEERCRED = 17;
/** struct ucred: pid, uid, gid. */
const UCRED_LENGTH = 12;

const getsockopt = koffi
  .load(null)
  .func('int getsockopt(int fd, int level, int option, void *value, void *length)');

/** The user at the other end of a Unix socket, as the kernel knows it (unix(7)); null if it cannot be told, as on systems but Linux. */
export function peerUser(socket: Socket): number | null {
  const descriptor = (socket as unknown as { _handle?: { fd?: number } })._handle?.fd;
  if (process.platform !== 'linux' || descriptor === undefined || descriptor < 0) return null;
  const credentials = Buffer.alloc(UCRED_LENGTH);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(UCRED_LENGTH);
  const status = getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, credentials, length) as number;
  return status === 0 ? credentials.readUInt32LE(4) : null;
}
