import { existsSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { WarrenError } from '../../shared/errors.ts';

const CAP_NET_ADMIN = 12n;

/** Whether this process may make interfaces and routes, and has what it takes; throws one line that says what it lacks. */
export function checkPrivileges(): void {
  if (process.platform === 'linux') {
    const effective = /^CapEff:\s*([0-9a-f]+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0';
    if (((BigInt(`0x${effective}`) >> CAP_NET_ADMIN) & 1n) === 0n) {
      throw new WarrenError('permission-denied', 'not allowed to make network interfaces', {
        hint: 'run as root; in a container: --user root --cap-add NET_ADMIN',
      });
    }
    if (!existsSync('/dev/net/tun')) {
      throw new WarrenError('unsupported', '/dev/net/tun is missing', {
        hint: 'load the tun module (modprobe tun); in a container: --device /dev/net/tun',
      });
    }
    // What every interface takes; nftables is asked for where something needs it.
    if (!isOnPath('ip')) {
      throw new WarrenError('unsupported', 'the program ip is missing', { hint: 'install iproute2' });
    }
  } else if (process.geteuid?.() !== 0) {
    throw new WarrenError('permission-denied', 'not allowed to make network interfaces', {
      hint: 'run as root',
    });
  }
}

function isOnPath(program: string): boolean {
  const folders = (process.env.PATH ?? '').split(delimiter);
  return folders.some((folder) => existsSync(join(folder, program)));
}
