import { join } from 'node:path';
import { describeError } from '../../shared/errors.ts';
import type { Logger } from '../../shared/log.ts';
import { isServiceAddress } from '../names/service-address.ts';
import { isOfThisNetwork } from './own-resolv-conf.ts';
import { ownResolvConf, parseResolvConf } from './resolv-conf.ts';
import { ResolvConfFile } from './resolv-conf-file.ts';
import {
  asksResolved,
  type LinkNames,
  resolvedUplinks,
  revertLink,
  setLinkNames,
} from './systemd-resolved.ts';

const RESOLV_CONF = '/etc/resolv.conf';
/** Beside the agent's other files. */
const BACKUP = 'resolv-conf.json';
/** Who writes the file anew so often within so long, milliseconds, wants it more. */
const MOST_TAKES = 5;
const TAKES_WITHIN = 60_000;

/** How this host's programs come to ask the agent; `reason` where they do not. */
export type HostResolverMode =
  | { kind: 'systemd-resolved' | 'resolv.conf' }
  | { kind: 'none'; reason: string };

/** How this host looks names up, and has the agent asked. */
export class HostResolver {
  readonly #interfaceName: string;
  readonly #file: ResolvConfFile;
  readonly #log: Logger;
  #mode: HostResolverMode = { kind: 'none', reason: 'not started' };
  #link = '';
  readonly #takes: number[] = [];

  constructor(interfaceName: string, stateFolder: string, log: Logger) {
    this.#interfaceName = interfaceName;
    this.#file = new ResolvConfFile(RESOLV_CONF, join(stateFolder, BACKUP));
    this.#log = log;
  }

  get mode(): HostResolverMode {
    return this.#mode;
  }

  /** The host's own resolvers, as they are now, without ours. */
  resolvers(): string[] {
    const text = this.#file.hostText();
    const all = asksResolved(text) ? resolvedUplinks() : parseResolvConf(text).nameservers;
    return all.filter((address) => !isServiceAddress(address));
  }

  /** What apply depends on, as text: when it changes, it is time to apply again. */
  look(): string {
    return JSON.stringify([this.#file.isOurs, this.#file.hostText(), this.resolvers()]);
  }

  /** Has this host's programs ask at the address; doing it twice changes nothing. Throws nothing. `now`: monotonic milliseconds. */
  async apply(names: LinkNames, now: number): Promise<void> {
    const before = this.#mode;
    this.#mode = await this.#apply(names, now).catch(
      (error: unknown): HostResolverMode => ({ kind: 'none', reason: describeError(error) }),
    );
    if (JSON.stringify(before) !== JSON.stringify(this.#mode))
      this.#log.info(this.#mode, 'names on this host');
  }

  /** Puts back what was there. */
  async close(): Promise<void> {
    this.#file.restore();
    if (this.#link !== '') await revertLink(this.#interfaceName).catch(() => {});
    this.#link = '';
    this.#mode = { kind: 'none', reason: 'stopped' };
  }

  async #apply(names: LinkNames, now: number): Promise<HostResolverMode> {
    const text = this.#file.hostText();
    if (asksResolved(text) && !this.#file.isOurs) {
      const link = JSON.stringify(names);
      if (link !== this.#link) await setLinkNames(this.#interfaceName, names);
      this.#link = link;
      return { kind: 'systemd-resolved' };
    }
    if (!isOfThisNetwork(RESOLV_CONF)) {
      const reason = `${RESOLV_CONF} is the whole machine's, and this is a network namespace`;
      return { kind: 'none', reason };
    }
    const host = parseResolvConf(text);
    if (host.nameservers.some(isServiceAddress)) {
      return { kind: 'none', reason: `another agent wrote ${RESOLV_CONF}` };
    }
    const own = ownResolvConf(names.address, names.zone, host, `Warren's agent of ${this.#interfaceName}`);
    if (!this.#file.isOurs && !this.#mayTake(now)) {
      return { kind: 'none', reason: `somebody else keeps writing ${RESOLV_CONF}` };
    }
    this.#file.take(own);
    return { kind: 'resolv.conf' };
  }

  #mayTake(now: number): boolean {
    while (this.#takes.length > 0 && now - (this.#takes[0] as number) > TAKES_WITHIN) this.#takes.shift();
    if (this.#takes.length >= MOST_TAKES) return false;
    this.#takes.push(now);
    return true;
  }
}

/** Puts back what an agent of this folder that was killed has left; before anything is looked up by name. */
export function restoreHostResolver(stateFolder: string, log: Logger): void {
  try {
    if (new ResolvConfFile(RESOLV_CONF, join(stateFolder, BACKUP)).restore()) {
      log.info(`${RESOLV_CONF} is as it was before`);
    }
  } catch (error) {
    log.error({ reason: describeError(error) }, `${RESOLV_CONF} could not be put back`);
  }
}
