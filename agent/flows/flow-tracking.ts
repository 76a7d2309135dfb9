import { readFileSync, writeFileSync } from 'node:fs';
import type { HostFeature } from '../host/host-feature.ts';
import { runCommand } from '../host/run-command.ts';

/** Whether the kernel counts packets and bytes of connections; of those that begin after it was switched on. */
const ACCOUNTING = '/proc/sys/net/netfilter/nf_conntrack_acct';
/** A chain without rules, whose name keeps what was there before: so a killed agent's successor can put it back. */
const WAS_PREFIX = 'accounting_was_';
const WAS = new RegExp(`chain ${WAS_PREFIX}(\\d)`);
/** How long connections are tracked after somebody last looked, milliseconds. */
const INTEREST = 15_000;

/**
 * Has the kernel track the connections of the mesh while somebody looks at them. A network without a policy needs no tracking
 * otherwise, and a packet is quicker without.
 */
export class FlowTracking implements HostFeature {
  readonly when = 'before-peers';
  readonly #interfaceName: string;
  /** What the accounting was before; null while nothing is tracked. */
  #before: string | null = null;
  #hasLooked = false;
  #timer: NodeJS.Timeout | null = null;
  #closed = false;
  /** One change after the other. */
  #running: Promise<unknown> = Promise.resolve();

  constructor(interfaceName: string) {
    this.#interfaceName = interfaceName;
  }

  /** Takes away what a killed predecessor left. */
  async apply(): Promise<void> {
    if (this.#hasLooked) return;
    this.#hasLooked = true;
    const left = await runCommand('nft', ['list', 'table', ...this.#table.split(' ')]).catch(() => '');
    const before = WAS.exec(left)?.[1];
    if (before === undefined) return;
    this.#before = before;
    await this.#inTurn(() => this.#stop());
  }

  /** Tracks from now on and for a while. Resolves once it does; `isFresh` if it did not before. */
  async want(): Promise<{ isFresh: boolean; countsBytes: boolean }> {
    if (this.#timer !== null) clearTimeout(this.#timer);
    const isFresh = this.#before === null;
    await this.#inTurn(() => this.#start());
    this.#timer = setTimeout(() => void this.#inTurn(() => this.#stop()).catch(() => {}), INTEREST);
    this.#timer.unref();
    return { isFresh, countsBytes: accounting() === '1' };
  }

  async close(): Promise<void> {
    this.#closed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    await this.#inTurn(() => this.#stop());
  }

  async #start(): Promise<void> {
    if (this.#before !== null || this.#closed) return;
    const name = this.#interfaceName;
    const before = accounting() ?? '0';
    // Any look at a connection's state makes the kernel track them.
    await this.#nft(`table ${this.#table} {
  chain prerouting { type filter hook prerouting priority filter; iifname "${name}" ct state new; }
  chain output { type filter hook output priority filter; oifname "${name}" ct state new; }
  chain ${WAS_PREFIX}${before} { }
}
`);
    this.#before = before;
    setAccounting('1');
  }

  async #stop(): Promise<void> {
    if (this.#before === null) return;
    setAccounting(this.#before);
    this.#before = null;
    await this.#nft('');
  }

  get #table(): string {
    return `inet warren-flows-${this.#interfaceName}`;
  }

  #nft(rules: string): Promise<string> {
    return runCommand('nft', ['-f', '-'], `table ${this.#table}\ndelete table ${this.#table}\n${rules}`);
  }

  #inTurn(step: () => Promise<void>): Promise<void> {
    const next = this.#running.catch(() => {}).then(step);
    this.#running = next;
    return next;
  }
}

/** Null where the kernel does not show it: before anything is tracked, perhaps. */
function accounting(): string | null {
  try {
    return readFileSync(ACCOUNTING, 'utf8').trim();
  } catch {
    return null;
  }
}

/** Where it is read-only, as in many containers, it stays as it is. */
function setAccounting(value: string): void {
  try {
    writeFileSync(ACCOUNTING, value);
  } catch {
    // `want` tells.
  }
}
