import { createSocket, type Socket } from 'node:dgram';
import type { Clock } from '../../shared/clock.ts';
import { WarrenError } from '../../shared/errors.ts';
import { parseIp, unmappedIp } from '../../shared/ip.ts';
import type { Logger } from '../../shared/log.ts';
import { bindingAnswer } from './binding.ts';
import { LongAnswers } from './long-answers.ts';

export interface StunListen {
  host: string;
  /** 0 lets the system choose. */
  port: number;
  /** Left out, with a line in the log, where the host lacks the address family. */
  optional?: boolean;
}

export interface StunOptions {
  listen: readonly StunListen[];
  /** The second port of each address; by default the one after the first. */
  alternatePort: number | undefined;
  /** Also answers requests shorter than their answer, as every client but our own sends them, at a low rate. */
  isPublic: boolean;
  clock: Clock;
  log: Logger;
}

/** One address with its two ports: answers from both show whether a NAT maps by the port of the destination. */
export interface StunAddress {
  host: string;
  port: number;
  alternatePort: number;
}

export interface StunServer {
  addresses: readonly StunAddress[];
  readonly counters: Readonly<StunCounters>;
  close(): Promise<void>;
}

export interface StunCounters {
  answered: number;
  /** Not Binding requests. */
  malformed: number;
  /** Requests that were too short to be answered, or came too often. */
  tooShort: number;
}

/** Answers STUN Binding requests over UDP. Throws `in-use` when somebody else has an address. */
export async function serveStun(options: StunOptions): Promise<StunServer> {
  const { clock, log } = options;
  const longAnswers = new LongAnswers(clock.monotonic());
  const counters: StunCounters = { answered: 0, malformed: 0, tooShort: 0 };
  const sockets: Socket[] = [];
  const addresses: StunAddress[] = [];
  // A socket for both families cannot share its port with one for IPv4.
  const ipv6Only = options.listen.some(({ host }) => !host.includes(':'));

  const serve = (socket: Socket, other: Socket) => {
    socket.on('message', (request, remote) => {
      const bytes = parseIp(remote.address.replace(/%.*$/, ''));
      const source = bytes === null ? null : { address: unmappedIp(bytes), port: remote.port };
      const answer = source === null ? null : bindingAnswer(request, source);
      if (source === null || answer === null) {
        counters.malformed++;
        return;
      }
      // What is sent to a forged source must not be more than what the forger sent.
      const isLonger = answer.bytes.length > request.length;
      if (isLonger && !(options.isPublic && longAnswers.allow(source.address, clock.monotonic()))) {
        counters.tooShort++;
        return;
      }
      counters.answered++;
      (answer.fromOtherPort ? other : socket).send(answer.bytes, remote.port, remote.address, () => {});
    });
    socket.on('error', (error) => log.warn({ err: error }, 'the STUN socket'));
  };

  try {
    for (const { host, port, optional } of options.listen) {
      const first = await bound(host, port, ipv6Only).catch((error: unknown) => {
        if (optional !== true || !isFamilyMissing(error)) throw error;
        log.info({ address: host }, 'STUN is not answered there: this host has no such addresses');
        return null;
      });
      if (first === null) continue;
      sockets.push(first);
      const next = options.alternatePort ?? (port === 0 ? 0 : port === 65535 ? 65534 : port + 1);
      const second = await bound(host, next, ipv6Only);
      sockets.push(second);
      serve(first, second);
      serve(second, first);
      addresses.push({ host, port: first.address().port, alternatePort: second.address().port });
    }
  } catch (error) {
    await Promise.all(sockets.map(closed));
    throw error;
  }
  return {
    addresses,
    counters,
    close: async () => {
      await Promise.all(sockets.map(closed));
    },
  };
}

async function bound(host: string, port: number, ipv6Only: boolean): Promise<Socket> {
  const socket = createSocket(host.includes(':') ? { type: 'udp6', ipv6Only } : { type: 'udp4' });
  await new Promise<void>((resolve, reject) => {
    socket.once('error', (cause: NodeJS.ErrnoException) => {
      socket.close();
      reject(
        new WarrenError(
          cause.code === 'EADDRINUSE' ? 'in-use' : 'internal',
          `cannot answer STUN on ${host.includes(':') ? `[${host}]` : host}:${port}: ${cause.code ?? cause.message}`,
          { hint: 'choose others with --stun HOST:PORT and --stun-alternate-port PORT', cause },
        ),
      );
    });
    socket.bind({ port, address: host }, () => {
      socket.removeAllListeners('error');
      resolve();
    });
  });
  return socket;
}

function isFamilyMissing(error: unknown): boolean {
  const cause = error instanceof WarrenError ? (error.cause as NodeJS.ErrnoException) : null;
  return cause?.code === 'EAFNOSUPPORT' || cause?.code === 'EADDRNOTAVAIL' || cause?.code === 'EINVAL';
}

function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.close(() => resolve()));
}
