import { execFile } from 'node:child_process';
import { writeSync } from 'node:fs';
import { createRequire } from 'node:module';
import { promisify } from 'node:util';
import { WarrenError } from '../../../shared/errors.ts';
import { checkPrivileges } from '../../host/privileges.ts';

const run = promisify(execFile);

/** What of tuntap2's LinuxTun is used. */
interface LinuxTun {
  readonly name: string;
  /** The device's descriptor. */
  readonly _fd: number;
  mtu: number;
  on(event: 'data', listener: (packet: Uint8Array) => void): void;
  on(event: 'error' | 'close', listener: () => void): void;
  release(): void;
}

/**
 * A TUN device by the package tuntap2. It gives the device a name of its own choice and reads in a thread that blocks until a
 * packet comes, so the device is renamed, and ended by deleting it, which ends that read.
 */
export class PortableTun {
  readonly name: string;
  readonly #tun: LinuxTun;
  #closed = false;

  private constructor(tun: LinuxTun, name: string) {
    this.#tun = tun;
    this.name = name;
  }

  /** Throws `unsupported` where tuntap2 is not installed or this is not Linux, `in-use` when the name is taken. */
  static async open(name: string, mtu: number): Promise<PortableTun> {
    if (process.platform !== 'linux') {
      throw new WarrenError(
        'unsupported',
        `the portable driver does not know how to name interfaces on ${process.platform}`,
      );
    }
    checkPrivileges();
    const tun = new (loadTuntap2())();
    try {
      tun.mtu = mtu;
      await run('ip', ['link', 'set', 'dev', tun.name, 'name', name]);
    } catch (cause) {
      await deleteLink(tun.name);
      tun.release();
      throw new WarrenError('in-use', `the network interface ${name} cannot be made: ${firstLine(cause)}`, {
        hint: 'end what uses it, or choose another name',
        cause,
      });
    }
    return new PortableTun(tun, name);
  }

  /** `onPacket` gets every packet; the array is its own. `onGone` is called when somebody else deleted the device. */
  read(onPacket: (packet: Uint8Array) => void, onGone: () => void): void {
    const gone = () => {
      if (!this.#closed) onGone();
    };
    this.#tun.on('error', gone);
    this.#tun.on('close', gone);
    this.#tun.on('data', onPacket);
  }

  /** One packet to the kernel. False if it did not take it. */
  write(packet: Uint8Array): boolean {
    try {
      // Not by tuntap2's stream: that may join what waits into one write, and a TUN device takes a write for one packet.
      writeSync(this.#tun._fd, packet);
      return true;
    } catch {
      return false;
    }
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    void deleteLink(this.name).then(() => this.#tun.release());
  }
}

function loadTuntap2(): new () => LinuxTun {
  try {
    return createRequire(import.meta.url)('tuntap2').LinuxTun;
  } catch (cause) {
    throw new WarrenError(
      'unsupported',
      `the portable driver needs the package tuntap2, which is not there: ${firstLine(cause)}`,
      {
        hint: 'with make, g++ and python3 installed: npm install tuntap2@npm:@xiaobaidadada/node-tuntap2-wintun',
        cause,
      },
    );
  }
}

async function deleteLink(name: string): Promise<void> {
  await run('ip', ['link', 'delete', 'dev', name]).catch(() => {
    // It is gone already, which is what was wanted.
  });
}

function firstLine(cause: unknown): string {
  const text = (cause as { stderr?: string }).stderr || (cause as Error).message;
  return text.trim().split('\n')[0] ?? '';
}
