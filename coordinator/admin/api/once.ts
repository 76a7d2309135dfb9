import { createCipheriv, createDecipheriv, createHash, hkdfSync, randomBytes } from 'node:crypto';
import type { Context, MiddlewareHandler } from 'hono';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import type { AdminEnvironment } from '../actor.ts';
import type { AdminDependencies } from '../dependencies.ts';
import { problem } from './problem.ts';

const HEADER = 'Idempotency-Key';
/** Long enough not to be guessed, since answers are kept under it. */
const KEY = /^[\x21-\x7e]{16,255}$/;

interface KeptAnswer {
  status: number;
  contentType: string;
  body: string;
}

/**
 * A POST with an Idempotency-Key takes effect once: whoever repeats it within a day, because the answer was lost say, gets the
 * same answer again. The same key with another request is refused (422), and while the first is under way the second is (409).
 * What was refused or failed is not kept, and can be tried again.
 *
 * Answers may hold a secret that the database must not have, a join token say: they are kept encrypted under the client's key,
 * of which only a hash is stored.
 */
export function onceOnly({
  store,
  clock,
}: Pick<AdminDependencies, 'store' | 'clock'>): MiddlewareHandler<AdminEnvironment> {
  return async (context, next) => {
    const key = context.req.header(HEADER);
    if (key === undefined || context.req.method !== 'POST') return next();
    if (!KEY.test(key)) {
      return problem(context, 400, `${HEADER} is 16 to 255 visible characters, such as a random UUID`);
    }
    const id = hash(context.get('actor').actor, key);
    const { method, path } = context.req;
    // With the key in it: a request may hold a passphrase, which a hash alone would let be guessed.
    const request = hash(key, method, path, await context.req.text());
    const first = await store.beginOnce(id, request, clock.wall());
    if (first === null) {
      let kept: Uint8Array | null = null;
      try {
        await next();
        kept = await keptAnswer(context, id, key);
      } finally {
        await store.endOnce(id, kept);
      }
      return;
    }
    if (first.request !== request) {
      return problem(
        context,
        422,
        `another request was sent with this ${HEADER}; every request needs its own`,
      );
    }
    if (first.answer === null) {
      return problem(
        context,
        409,
        'the first request with this key has not ended; try again, and if this stays so, look whether it took effect',
      );
    }
    const { status, contentType, body } = open(first.answer, id, key);
    context.header('Idempotency-Replayed', 'true');
    return context.body(body, status as ContentfulStatusCode, { 'Content-Type': contentType });
  };
}

async function keptAnswer(context: Context, id: string, key: string): Promise<Uint8Array | null> {
  const { status, headers } = context.res;
  if (status >= 300) return null;
  const body = await context.res.clone().text();
  return seal({ status, contentType: headers.get('Content-Type') ?? '', body }, id, key);
}

function hash(...parts: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex');
}

function sealingKey(id: string, key: string): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', key, id, 'warren kept answer', 32));
}

const NONCE = 12;
const TAG = 16;

function seal(answer: KeptAnswer, id: string, key: string): Uint8Array {
  const nonce = randomBytes(NONCE);
  const cipher = createCipheriv('aes-256-gcm', sealingKey(id, key), nonce);
  const sealed = [cipher.update(JSON.stringify(answer), 'utf8'), cipher.final()];
  return new Uint8Array(Buffer.concat([nonce, cipher.getAuthTag(), ...sealed]));
}

function open(sealed: Uint8Array, id: string, key: string): KeptAnswer {
  const cipher = createDecipheriv('aes-256-gcm', sealingKey(id, key), sealed.subarray(0, NONCE), {
    authTagLength: TAG,
  });
  cipher.setAuthTag(sealed.subarray(NONCE, NONCE + TAG));
  const text = Buffer.concat([cipher.update(sealed.subarray(NONCE + TAG)), cipher.final()]);
  return JSON.parse(text.toString('utf8')) as KeptAnswer;
}
