import { readFileSync } from 'node:fs';

/** What a process has held in memory at most since it started, and holds now: MiB, everything counted that is resident. */
export function residentMemory(pid: number): { peak: number; now: number; own: number } {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const field = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) / 1024;
  return { peak: field('VmHWM'), now: field('VmRSS'), own: field('RssAnon') };
}
