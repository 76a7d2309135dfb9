import { isRenewalDue } from './certificate-life.ts';
import { certificateRequest } from './certificate-request.ts';
import type { Clock } from './clock.ts';
import { describeError } from './errors.ts';
import type { Logger } from './log.ts';

/** Least time between two tries, milliseconds. */
const RENEWAL_INTERVAL = 10 * 60_000;

export interface RenewalOptions {
  /** Whose certificate it is, for the log. */
  what: string;
  /** The one in use, DER in base64. */
  certificate: () => string;
  /** The coordinator's clock, as well as it is known; null: it is not. */
  now: () => number | null;
  /** Hands a PKCS #10 request (DER) to the coordinator, which answers with a certificate (DER). */
  ask: (request: Uint8Array) => Promise<Uint8Array>;
  /** Keeps and uses the new one, DER in base64, and its key, PEM. The old one is good for a third of its life yet. */
  keep: (certificate: string, privateKey: string) => void;
  clock: Clock;
  log: Logger;
}

/** Renews a client certificate when its age demands it, and tries again where that fails. */
export class CertificateRenewal {
  readonly #options: RenewalOptions;
  #isUnderWay = false;
  /** On the monotonic clock. */
  #notBefore = Number.NEGATIVE_INFINITY;

  constructor(options: RenewalOptions) {
    this.#options = options;
  }

  /** To be called from time to time while the coordinator is there. Throws nothing. */
  async renewIfDue(): Promise<void> {
    const { what, certificate, now, ask, keep, clock, log } = this.#options;
    const coordinatorNow = now();
    if (this.#isUnderWay || coordinatorNow === null || clock.monotonic() < this.#notBefore) return;
    if (!isRenewalDue(Buffer.from(certificate(), 'base64'), coordinatorNow)) return;
    this.#isUnderWay = true;
    this.#notBefore = clock.monotonic() + RENEWAL_INTERVAL;
    try {
      const { privateKey, request } = await certificateRequest();
      const renewed = await ask(request);
      keep(Buffer.from(renewed).toString('base64'), privateKey);
      log.info(`renewed ${what}`);
    } catch (error) {
      log.warn({ reason: describeError(error) }, `${what} was not renewed; trying again`);
    } finally {
      this.#isUnderWay = false;
    }
  }
}
