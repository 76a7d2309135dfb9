import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { WarrenError } from '../../shared/errors.ts';

/** Port of both PCP and NAT-PMP servers. */
export const SERVER_PORT = 5351;
/** RFC 6886 3.1: the first answer is waited for so long, milliseconds, then twice as long, and so on. */
const FIRST_WAIT = 250;
const TRIES = 4;

/**
 * Sends a request until `accept` takes what comes back from that very address: what it makes of it. Throws `unavailable`
 * when nothing acceptable comes within 3.75 s, and what `signal` says when that ends it.
 */
export async function exchange<T>(
  host: string,
  port: number,
  request: Uint8Array,
  accept: (message: Uint8Array) => T | null,
  signal?: AbortSignal,
): Promise<T> {
  const socket = createSocket('udp4');
  const found = Promise.withResolvers<T>();
  found.promise.catch(() => {});
  const abort = () => found.reject(signal?.reason);
  signal?.addEventListener('abort', abort);
  // Connected: the kernel drops what others send, and tells that nobody listens there.
  socket.on('error', (error) => found.reject(error));
  socket.on('message', (message) => {
    const value = accept(message);
    if (value !== null) found.resolve(value);
  });
  try {
    socket.connect(port, host);
    await Promise.race([once(socket, 'connect'), found.promise]);
    for (let tries = 0, wait = FIRST_WAIT; tries < TRIES; tries++, wait *= 2) {
      socket.send(request, () => {});
      const timer = Promise.withResolvers<null>();
      const handle = setTimeout(() => timer.resolve(null), wait);
      const result = await Promise.race([found.promise.then((value) => ({ value })), timer.promise]).finally(
        () => clearTimeout(handle),
      );
      if (result !== null) return result.value;
    }
    throw new WarrenError('unavailable', `${host} does not answer on port ${port}`);
  } finally {
    signal?.removeEventListener('abort', abort);
    socket.close();
  }
}
