/** A host that runs plain WireGuard by a file of `coordinator device`: Debian's wg-quick and wireguard-go. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Lab, TestHost } from './netns.ts';

/** wireguard-go 0.0.20220316 now and then deletes its own socket as it starts; see tunnels.ts. */
const MOST_TRIES = 3;

export class TestDevice {
  readonly host: TestHost;
  readonly interfaceName: string;
  readonly #file: string;

  constructor(lab: Lab, host: TestHost) {
    this.host = host;
    this.interfaceName = lab.interfaceName('dev');
    this.#file = join(lab.directory('device'), `${this.interfaceName}.conf`);
    lab.removesAtEnd(`/var/run/wireguard/${this.interfaceName}.sock`);
  }

  /** `wg-quick up`. */
  async up(file: string): Promise<void> {
    writeFileSync(this.#file, file, { mode: 0o600 });
    for (let tries = 1; ; tries++) {
      const { status, stdout, stderr } = await this.host.run('wg-quick', ['up', this.#file]);
      if (status === 0) return;
      const isKnown = `${stdout}${stderr}`.match(/uapi|Unable to access interface|No such device/i) !== null;
      if (!isKnown || tries === MOST_TRIES) throw new Error(`wg-quick up: ${stdout}${stderr}`);
      await this.down();
    }
  }

  /** `wg-quick down`. */
  async down(): Promise<void> {
    await this.host.run('wg-quick', ['down', this.#file]);
  }

  /** Whether one ICMP echo comes back within `seconds`. Where one must, waiting long costs nothing. */
  async pings(address: string, seconds = 15): Promise<boolean> {
    const { status } = await this.host.run('ping', ['-n', '-c1', `-W${seconds}`, address]);
    return status === 0;
  }
}
