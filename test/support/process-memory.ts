/** Looks into the memory of a running program, as root may. */
import { closeSync, openSync, readFileSync, readSync } from 'node:fs';

/** Whether these bytes stand anywhere in what the process may write to: heaps, stacks, buffers. */
export function holdsInMemory(pid: number, bytes: Buffer): boolean {
  const file = openSync(`/proc/${pid}/mem`, 'r');
  try {
    for (const line of readFileSync(`/proc/${pid}/maps`, 'utf8').split('\n')) {
      const match = /^([0-9a-f]+)-([0-9a-f]+) rw/.exec(line);
      if (match !== null && regionHolds(file, hex(match[1]), hex(match[2]), bytes)) return true;
    }
    return false;
  } finally {
    closeSync(file);
  }
}

const CHUNK = 1 << 22;

function regionHolds(file: number, start: number, end: number, bytes: Buffer): boolean {
  const buffer = Buffer.alloc(CHUNK + bytes.length);
  for (let at = start; at < end; at += CHUNK) {
    let length = 0;
    try {
      length = readSync(file, buffer, 0, Math.min(buffer.length, end - at), at);
    } catch {
      // Not there any more, or memory of a device.
      return false;
    }
    if (buffer.subarray(0, length).includes(bytes)) return true;
  }
  return false;
}

function hex(text: string | undefined): number {
  return Number.parseInt(text as string, 16);
}
