import { createSocket } from 'node:dgram';
import { WarrenError } from '../../shared/errors.ts';
import { parseIp } from '../../shared/ip.ts';
import type { Logger } from '../../shared/log.ts';
import { bindingAnswer } from './binding.ts';

/** Answers STUN Binding requests on a UDP address. Throws `in-use` when somebody else has it. */
export async function serveStun(
  listen: { host: string; port: number },
  log: Logger,
): Promise<{ port: number; close(): Promise<void> }> {
  const socket = createSocket(listen.host.includes(':') ? 'udp6' : 'udp4');
  socket.on('message', (request, remote) => {
    const address = parseIp(remote.address.replace(/%.*$/, ''));
    const answer = address === null ? null : bindingAnswer(request, address, remote.port);
    if (answer !== null) socket.send(answer, remote.port, remote.address, () => {});
  });
  await new Promise<void>((resolve, reject) => {
    socket.once('error', (cause: NodeJS.ErrnoException) =>
      reject(
        new WarrenError(
          cause.code === 'EADDRINUSE' ? 'in-use' : 'internal',
          `cannot answer STUN on ${listen.host}:${listen.port}: ${cause.code ?? cause.message}`,
          { hint: 'choose another address with --stun HOST:PORT', cause },
        ),
      ),
    );
    socket.bind(listen.port, listen.host, resolve);
  });
  socket.on('error', (error) => log.warn({ err: error }, 'the STUN socket'));
  return {
    port: socket.address().port,
    close: () => new Promise((resolve) => socket.close(() => resolve())),
  };
}
