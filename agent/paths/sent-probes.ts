import type { UdpAddress } from '../wireguard/udp-address.ts';
import { PROBE_TIMEOUT } from './constants.ts';
import type { Path } from './path.ts';

/** Probes to one peer that wait for their answer, oldest first. */
export class SentProbes {
  readonly #waiting = new Map<number, { path: Path; sentAt: number }>();

  add(transaction: number, path: Path, now: number): void {
    this.#waiting.set(transaction, { path, sentAt: now });
  }

  /**
   * The probe that this is the answer to, once; null where none waits. An answer from elsewhere than the probe was sent to, or
   * on another socket, says nothing about the way there.
   */
  answered(
    transaction: number,
    socket: number,
    source: UdpAddress,
    now: number,
  ): { path: Path; sentAt: number } | null {
    this.forgetOld(now);
    const probe = this.#waiting.get(transaction);
    if (probe === undefined || probe.path.socket !== socket || !probe.path.address.equals(source))
      return null;
    this.#waiting.delete(transaction);
    return probe;
  }

  /** Drops those that were waited for long enough. */
  forgetOld(now: number): void {
    for (const [transaction, { sentAt }] of this.#waiting) {
      if (now - sentAt < PROBE_TIMEOUT) return;
      this.#waiting.delete(transaction);
    }
  }
}
