import { readFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';

/** Where and when a run was made. */
export interface Machine {
  date: string;
  processors: number;
  processor: string;
  gigabytes: number;
  system: string;
  kernel: string;
}

export function thisMachine(): Machine {
  const processors = cpus();
  return {
    date: new Date().toISOString().slice(0, 10),
    processors: processors.length,
    processor: processors[0]?.model.trim() ?? 'unknown processor',
    gigabytes: Math.round(totalmem() / 2 ** 30),
    system: /PRETTY_NAME="(.*)"/.exec(readFileSync('/etc/os-release', 'utf8'))?.[1] ?? 'Linux',
    kernel: release(),
  };
}
