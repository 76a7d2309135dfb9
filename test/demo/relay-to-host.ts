/**
 * The admin page of a coordinator in a namespace, on this machine's own loopback: a Unix socket is of no namespace, so
 * one half listens here and the other half, a process in the namespace, passes on what comes by the socket.
 * Run with SOCKET HOST PORT it is that other half.
 */
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

function join(a: Socket, b: Socket): void {
  a.on('error', () => b.destroy());
  b.on('error', () => a.destroy());
  a.pipe(b);
  b.pipe(a);
}

/** Listens on 127.0.0.1, on `preferred` if free and on a free port otherwise, and passes connections to the socket. */
export async function relayFromLoopback(
  socketPath: string,
  preferred: number,
): Promise<{ port: number; server: Server }> {
  const server = createServer((socket) => join(socket, connect(socketPath)));
  const listen = (port: number) =>
    new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, '127.0.0.1', resolve);
    });
  await listen(preferred).catch(() => listen(0));
  return { port: (server.address() as AddressInfo).port, server };
}

if (import.meta.main) {
  const [socketPath, host, port] = process.argv.slice(2);
  createServer((socket) => join(socket, connect(Number(port), host!))).listen(socketPath, () =>
    console.log('passing on'),
  );
}
