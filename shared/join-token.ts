import { createHash } from 'node:crypto';
import { WarrenError } from './errors.ts';

/** What `agent join TOKEN` needs to know, and all of it. */
export interface JoinToken {
  /** How agents reach the coordinator, tried in this order: `https://HOST:PORT`. */
  readonly urls: readonly string[];
  /** SHA-256 of the coordinator's CA certificate (DER), 32 bytes. */
  readonly pin: Uint8Array;
  /** 32 random bytes; the coordinator stores only their hash. */
  readonly secret: Uint8Array;
}

const PREFIX = 'warren1_';
const MAX_LENGTH = 4096;
const CHECKSUM_LENGTH = 4;

/**
 * The token as people copy it: `warren1_` and base64url of pin, secret, the URLs separated by newlines, and a checksum
 * that tells a token copied in part from one that is not known.
 */
export function formatJoinToken(token: JoinToken): string {
  const body = Buffer.concat([token.pin, token.secret, Buffer.from(token.urls.join('\n'))]);
  return PREFIX + Buffer.concat([body, checksum(body)]).toString('base64url');
}

/** Reads a token. Throws a `usage` error that never repeats the token, which is a secret. */
export function parseJoinToken(text: string): JoinToken {
  const trimmed = text.trim();
  const refuse = (why: string) =>
    new WarrenError('usage', `this is not a join token: ${why}`, {
      hint: 'copy the whole line that `coordinator token create` printed',
    });
  if (!trimmed.startsWith(PREFIX)) {
    throw refuse(
      /^warren\d+_/.test(trimmed)
        ? 'it was made by a newer version of Warren'
        : `it does not begin with ${PREFIX}`,
    );
  }
  const body = trimmed.slice(PREFIX.length);
  if (trimmed.length > MAX_LENGTH || !/^[A-Za-z0-9_-]+$/.test(body))
    throw refuse('it has characters no token has');
  const bytes = new Uint8Array(Buffer.from(body, 'base64url'));
  const end = bytes.length - CHECKSUM_LENGTH;
  if (end <= 64 || !checksum(bytes.subarray(0, end)).equals(bytes.subarray(end))) {
    throw refuse('a part of it is missing or was changed');
  }
  const urls = new TextDecoder().decode(bytes.subarray(64, end)).split('\n');
  if (!urls.every(isCoordinatorUrl)) throw refuse('it names no coordinator');
  return { pin: bytes.slice(0, 32), secret: bytes.slice(32, 64), urls };
}

/** Whether a text is `https://HOST:PORT` and nothing more. */
export function isCoordinatorUrl(text: string): boolean {
  const url = URL.parse(text);
  return (
    url !== null &&
    url.protocol === 'https:' &&
    url.hostname !== '' &&
    url.username === '' &&
    url.pathname === '/' &&
    url.search === '' &&
    url.hash === '' &&
    /^https:\/\/[^/]+:\d{1,5}$/.test(text)
  );
}

function checksum(body: Uint8Array): Buffer {
  return createHash('sha256').update(body).digest().subarray(0, CHECKSUM_LENGTH);
}
