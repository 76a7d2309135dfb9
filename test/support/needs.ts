/** Tests that need more than Node.js: they run where the machine has it and say what it lacks where not. */
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { describe } from 'vitest';

export type Need =
  | 'root'
  | 'tun'
  | 'nft'
  | 'wg'
  | 'wg-quick'
  | 'wireguard-go'
  | 'tcpdump'
  | 'tshark'
  | 'avahi-daemon'
  | 'avahi-resolve'
  | 'dbus-daemon'
  | 'dnsmasq'
  | 'dig'
  | 'systemd-resolved'
  | 'resolvectl'
  | 'curl'
  | 'udhcpc'
  | 'iperf3'
  | 'ncat'
  | 'ethtool'
  | 'miniupnpd'
  | 'stun'
  | 'turnserver'
  | 'faketime'
  | 'nginx'
  | 'openssl'
  | 'chromium'
  | 'npm'
  | 'iptables'
  | 'cgroups'
  | 'dockerd'
  | 'docker'
  | 'docker-compose'
  | 'debootstrap'
  | 'private-root'
  | 'systemd'
  | 'systemctl'
  | 'systemd-analyze';

/** Why a need is not met, or null when it is. */
export function lacks(need: Need): string | null {
  if (need === 'root') return process.geteuid?.() === 0 ? null : 'not root';
  if (need === 'tun') return existsSync('/dev/net/tun') ? null : 'no /dev/net/tun';
  if (need === 'cgroups') return holdsGroups() ? null : 'no control groups to make containers of';
  if (need === 'private-root') return canChangeRoot() ? null : 'no overlayfs upon / or no control groups';
  return findProgram(need) ? null : `no ${need}`;
}

/** Whether this machine's files can be had with changes that go elsewhere, and control groups of version 2 beside them. */
function canChangeRoot(): boolean {
  const folder = mkdtempSync(join(tmpdir(), 'warren-test-root-'));
  for (const name of ['changes', 'work', 'root']) mkdirSync(join(folder, name));
  const script = `set -e
    mount -t overlay overlay -o "lowerdir=/,upperdir=$1/changes,workdir=$1/work" "$1/root"
    mount -t cgroup2 cgroup2 /mnt
    mkdir "/mnt/$2"
    rmdir "/mnt/$2"`;
  const args = ['--mount', 'sh', '-c', script, 'sh', folder, `warren-test-${process.pid}`];
  const { status } = spawnSync('unshare', args, { stdio: 'ignore' });
  rmSync(folder, { recursive: true, force: true });
  return status === 0;
}

/** Whether control groups can be made here: version 2 alone, or beside or below it those of version 1. */
function holdsGroups(): boolean {
  try {
    accessSync('/sys/fs/cgroup', constants.W_OK);
    return ['cgroup.controllers', 'pids', 'cpu'].some((name) => existsSync(`/sys/fs/cgroup/${name}`));
  } catch {
    return false;
  }
}

/** The path of a program on PATH (and in the sbin folders, which a user's PATH may lack), or null. */
export function findProgram(name: string): string | null {
  const folders = [
    ...(process.env.PATH ?? '').split(delimiter),
    '/usr/local/sbin',
    '/usr/sbin',
    '/sbin',
    '/usr/lib/systemd',
    '/lib/systemd',
  ];
  for (const folder of folders) {
    try {
      const path = join(folder, name);
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Not in this folder.
    }
  }
  return null;
}

/** `describe` where all needs are met; elsewhere the suite is skipped and its name says why, for the runner's summary. */
export function describeNeeds(needs: readonly Need[], name: string, body: () => void): void {
  const reasons = needs.map(lacks).filter((reason) => reason !== null);
  if (reasons.length === 0) describe(name, body);
  else describe.skip(`${name} [left out: ${reasons.join(', ')}]`, body);
}

/** For tests in network namespaces: root and /dev/net/tun. */
export function describeNeedsRoot(name: string, body: () => void): void {
  describeNeeds(['root', 'tun'], name, body);
}
