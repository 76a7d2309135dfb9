/** Control groups that a test's own container engine or systemd made, for their end. */
import { existsSync, readdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';

const CGROUPS = '/sys/fs/cgroup';

/** Removes the control groups of that name, in every hierarchy. Their processes have ended; the kernel may take a moment. */
export function removeGroups(name: string): void {
  const roots = [CGROUPS, ...readdirSync(CGROUPS).map((each) => join(CGROUPS, each))];
  for (const root of roots) if (existsSync(join(root, name))) removeTree(join(root, name));
}

function removeTree(path: string): void {
  for (const entry of readdirSync(path, { withFileTypes: true }))
    if (entry.isDirectory()) removeTree(join(path, entry.name));
  for (let tries = 0; existsSync(path) && tries < 40; tries++) {
    try {
      rmdirSync(path);
    } catch {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50);
    }
  }
}
