import { createHash, timingSafeEqual } from 'node:crypto';
import { type ConnectionOptions, connect, type DetailedPeerCertificate, type TLSSocket } from 'node:tls';
import { WarrenError } from './errors.ts';
import type { JoinToken } from './join-token.ts';
import { pem } from './pem.ts';
import { COORDINATOR_TLS_NAME } from './tls-names.ts';
import { portOfUrl } from './url-port.ts';

const CONNECT_TIMEOUT = 5_000;

/**
 * Connects to a coordinator twice, sending nothing: first to find in its chain the CA certificate with the pinned hash, then
 * with that CA as the only root, so that TLS itself checks signatures, dates and name. Gives the CA's DER. Throws
 * `untrusted` when either check fails, `unavailable` when nobody answers. A secret may be sent only after this.
 */
export async function pinnedAuthority(url: string, pin: Uint8Array): Promise<Uint8Array> {
  const chain = await withConnection(url, { rejectUnauthorized: false }, (socket) =>
    chainOf(socket.getPeerCertificate(true)),
  );
  const authority = chain.find((certificate) =>
    timingSafeEqual(createHash('sha256').update(certificate).digest(), pin),
  );
  if (authority === undefined) {
    throw new WarrenError('untrusted', `the certificate of ${url} does not match the token's pin`, {
      hint: 'somebody else answers there, or the coordinator was set up anew: get a new token from its administrator',
    });
  }
  await withConnection(url, { ca: pem(authority, 'CERTIFICATE') }, () => null);
  return authority;
}

/**
 * The first of a token's URLs at which the coordinator of its pin answers, and the CA's DER. Throws why the first one could not be
 * taken, or that somebody else answers at one. `onFailure` is told of each that is not taken.
 */
export async function firstPinned(
  { urls, pin }: Pick<JoinToken, 'urls' | 'pin'>,
  onFailure: (error: unknown) => void = () => {},
): Promise<{ url: string; authority: Uint8Array }> {
  let worst: unknown = null;
  for (const url of urls) {
    try {
      return { url, authority: await pinnedAuthority(url, pin) };
    } catch (error) {
      onFailure(error);
      // A wrong certificate says more than a silent address.
      if (worst === null || (error instanceof WarrenError && error.code === 'untrusted')) worst = error;
    }
  }
  throw worst;
}

function chainOf(leaf: DetailedPeerCertificate): Uint8Array[] {
  const chain: Uint8Array[] = [];
  for (let certificate = leaf; certificate?.raw !== undefined && chain.length < 8; ) {
    chain.push(new Uint8Array(certificate.raw));
    if (certificate.issuerCertificate === certificate) break;
    certificate = certificate.issuerCertificate;
  }
  return chain;
}

function withConnection<T>(
  url: string,
  options: ConnectionOptions,
  read: (socket: TLSSocket) => T,
): Promise<T> {
  const { hostname } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = connect({
      host: hostname.replace(/^\[|\]$/g, ''),
      port: portOfUrl(url),
      servername: COORDINATOR_TLS_NAME,
      ALPNProtocols: ['h2'],
      minVersion: 'TLSv1.3',
      ...options,
    });
    socket.setTimeout(CONNECT_TIMEOUT, () =>
      socket.destroy(Object.assign(new Error('no answer'), { code: 'ETIMEDOUT' })),
    );
    socket.once('secureConnect', () => {
      const result = read(socket);
      socket.destroy();
      resolve(result);
    });
    socket.once('error', (cause: NodeJS.ErrnoException) => reject(connectionError(url, cause)));
  });
}

/** Codes of Node.js for a socket that could not be connected; everything else went wrong within TLS. */
const UNREACHABLE = /^(ECONN|ENET|EHOST|ETIMEDOUT|EPIPE|ENOTFOUND|EAI_|EADDR|EINVAL|EACCES|EPERM)/;

function connectionError(url: string, cause: NodeJS.ErrnoException): WarrenError {
  const code = cause.code ?? '';
  if (UNREACHABLE.test(code)) {
    return new WarrenError('unavailable', `the coordinator at ${url} cannot be reached (${code})`, {
      hint: 'check that it runs, the address, and the firewall before it',
      cause,
    });
  }
  return new WarrenError('untrusted', `the certificate of ${url} was refused: ${cause.message}`, {
    hint: "check the clocks of both hosts, and ask the coordinator's administrator",
    cause,
  });
}
