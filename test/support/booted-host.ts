/**
 * A test host on which systemd is the first process, as on a real one: `systemd.sh` has how. Warren lies in /opt/warren there.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { removeGroups } from './control-groups.ts';
import type { Need } from './needs.ts';
import type { Lab, TestHost } from './netns.ts';
import { type Child, onlyChildOf, type RunOptions, type RunResult, run, runOk } from './process.ts';
import { waitFor } from './wait-for.ts';

const ROOT = join(import.meta.dirname, '../..');
const SCRIPT = join(import.meta.dirname, 'systemd.sh');

/** What it needs. */
export const BOOT_NEEDS: readonly Need[] = [
  'root',
  'tun',
  'nft',
  'private-root',
  'dbus-daemon',
  'systemd',
  'systemctl',
];

export class BootedHost {
  readonly host: TestHost;
  readonly #folder: string;
  readonly #name: string;
  #process: Child;

  private constructor(lab: Lab, host: TestHost) {
    this.host = host;
    this.#folder = lab.directory('boot');
    this.#name = host.namespace;
    lab.atEnd(() => removeGroups(this.#name));
    this.#process = this.#start();
  }

  /** Boots; `host` has its cables already. */
  static async boot(lab: Lab, host: TestHost): Promise<BootedHost> {
    const booted = new BootedHost(lab, host);
    await booted.#isUp();
    return booted;
  }

  /** A program on it, as root in a shell has it, to its end. */
  run(file: string, args: readonly string[] = [], options?: RunOptions): Promise<RunResult> {
    return run(...this.#inside(file, args), options);
  }

  runOk(file: string, args: readonly string[] = [], options?: RunOptions): Promise<string> {
    return runOk(...this.#inside(file, args), options);
  }

  /** The same that runs on, until it ends or the host does. It is the child of what is returned: see `interrupt`. */
  spawn(file: string, args: readonly string[] = [], options?: RunOptions): Child {
    const [nsenter, all] = this.#inside(file, args);
    return this.host.spawn(nsenter, all, options);
  }

  /** Ctrl-C for what `spawn` started, and its end. */
  async interrupt(child: Child): Promise<void> {
    process.kill(onlyChildOf(child.pid) as number, 'SIGINT');
    await child.exited;
  }

  /** What the journal has of a service, earlier boots included; with flags, such as `--priority=warning`, less of it. */
  journal(unit: string, ...flags: string[]): Promise<string> {
    return this.runOk('journalctl', ['--no-pager', '--output=cat', `--unit=${unit}`, ...flags]);
  }

  /** As `systemctl reboot` does it: services are stopped first. */
  async reboot(): Promise<void> {
    await this.run('systemctl', ['reboot']);
    await this.#process.exited;
    await this.#forgetNetwork();
    this.#process = this.#start();
    await this.#isUp();
  }

  /** Ends all of it as a power failure does; before the lab's `close`. */
  async close(): Promise<void> {
    await this.#process.end('SIGKILL');
  }

  /** What the kernel of a host that starts anew has not got; cables with their addresses stay. */
  async #forgetNetwork(): Promise<void> {
    await this.host.runOk('nft', ['flush', 'ruleset']);
    for (const family of ['-4', '-6']) {
      // All but the first, which leads to the host itself.
      await this.host.ip(`${family} rule flush`);
      await this.host.ip(`${family} rule add lookup main priority 32766`);
    }
    await this.host.ip('rule add lookup default priority 32767');
  }

  #start(): Child {
    return this.host.spawn(SCRIPT, [this.#folder, this.#name, ROOT]);
  }

  /** Until whatever was to start has started, or failed to. */
  async #isUp(): Promise<void> {
    await waitFor('systemd to be there', async () => {
      if (!this.#process.running) throw new Error(`systemd ended: ${this.#process.output}`);
      const pid = this.#pid();
      if (pid === undefined || readFileSync(`/proc/${pid}/comm`, 'utf8') !== 'systemd\n') return false;
      return (await this.run('test', ['-S', '/run/systemd/private'])).status === 0;
    });
    await this.run('systemctl', ['is-system-running', '--wait']);
  }

  /** The first process, systemd or what is about to be, as this machine numbers it. */
  #pid(): number | undefined {
    // `ip netns exec`, the script and unshare are one process.
    return onlyChildOf(this.#process.pid);
  }

  #inside(file: string, args: readonly string[]): [string, string[]] {
    const namespaces = ['--mount', '--pid', '--net', '--uts', '--ipc', '--cgroup'];
    const path = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
    const clean = ['env', '--ignore-environment', path, 'HOME=/root', 'LC_ALL=C.UTF-8'];
    return ['nsenter', [`--target=${this.#pid()}`, ...namespaces, ...clean, file, ...args]];
  }
}
