/** What the kernel says of running processes. */
import { readFileSync } from 'node:fs';
import type { Child } from '../support/process.ts';

/** Clock ticks a second of /proc/PID/stat: USER_HZ, 100 on every Linux architecture that Node.js runs on. */
const USER_HZ = 100;

/** CPU seconds, user and system, that the processes have used in all their threads. */
export function cpuSeconds(children: readonly Child[]): number {
  let ticks = 0;
  for (const { pid } of children) {
    // The name in parentheses may hold spaces; utime and stime are fields 14 and 15, the 12th and 13th after it.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ');
    ticks += Number(fields[11]) + Number(fields[12]);
  }
  return ticks / USER_HZ;
}

/** Of the process that has most, megabytes: what it has now (VmRSS), or the most that it ever had (VmHWM). */
export function residentMegabytes(children: readonly Child[], which: 'VmRSS' | 'VmHWM'): number {
  const sizes = children.map(({ pid }) => {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    return Number(new RegExp(`${which}:\\s+(\\d+) kB`).exec(status)?.[1] ?? 0);
  });
  return Math.max(0, ...sizes) / 1024;
}
