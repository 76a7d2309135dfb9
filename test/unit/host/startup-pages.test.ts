import { join } from 'node:path';
import { expect, it } from 'vitest';
import { cleanMappings, releaseStartupPages } from '../../../agent/host/startup-pages.ts';
import { residentMemory } from '../../support/memory.ts';
import { run } from '../../support/process.ts';

function mapping(head: string, anonymous: number): string {
  return `${head}\nSize:               100 kB\nRss:                 80 kB\nAnonymous:          ${String(anonymous).padStart(8)} kB\nVmFlags: rd mr`;
}

it('only read-only mappings of the program and what it is linked with, of which no page was changed, are given back', () => {
  const smaps = [
    mapping('00400000-00452000 r-xp 00000000 08:02 173521      /usr/bin/node', 0),
    mapping('00651000-00652000 r--p 00051000 08:02 173521      /usr/bin/node', 0),
    mapping('00652000-00655000 r--p 00052000 08:02 173521      /usr/bin/node', 12),
    mapping('00655000-00656000 rw-p 00055000 08:02 173521      /usr/bin/node', 0),
    mapping('7f2000000000-7f2000155000 r-xp 00026000 08:02 55   /usr/lib/x86_64-linux-gnu/libc.so.6', 0),
    mapping('7f3000000000-7f3000020000 r--p 00000000 08:02 56   /usr/lib/x86_64-linux-gnu/libz.so.1.2.13', 0),
    mapping('7f1000000000-7f1000008000 r--p 00000000 08:02 77   /etc/ld.so.cache', 0),
    mapping('35b1800000-35b1820000 r-xp 00000000 00:00 0 ', 0),
    mapping('7f0000000000-7f0000001000 r--s 00000000 08:02 99  /usr/lib/gconv-modules.cache', 0),
    mapping('7fff3a1ff000-7fff3a201000 r-xp 00000000 00:00 0   [vdso]', 0),
  ].join('\n');
  expect(cleanMappings(smaps, '/usr/bin/node')).toEqual([
    { address: 0x400000, length: 0x52000 },
    { address: 0x651000, length: 0x1000 },
    { address: 0x7f2000000000, length: 0x155000 },
  ]);
});

it('giving back lowers what the process holds, and it goes on', () => {
  const before = residentMemory(process.pid);
  releaseStartupPages();
  const after = residentMemory(process.pid);
  expect(after.now).toBeLessThan(before.now - 5);
  expect(JSON.parse('{"works":true}').works).toBe(true);
});

it('threads that load libraries meanwhile keep their memory', async () => {
  const script = join(import.meta.dirname, '../../support/loading-threads.ts');
  expect((await run(process.execPath, [script], { timeout: 60_000 })).status).toBe(0);
});
