import { expect, it } from 'vitest';
import { cleanFileMappings, releaseStartupPages } from '../../../agent/host/startup-pages.ts';
import { residentMemory } from '../../support/memory.ts';

function mapping(head: string, anonymous: number): string {
  return `${head}\nSize:               100 kB\nRss:                 80 kB\nAnonymous:          ${String(anonymous).padStart(8)} kB\nVmFlags: rd mr`;
}

it('only read-only mappings of files, of which no page was changed, are given back', () => {
  const smaps = [
    mapping('00400000-00452000 r-xp 00000000 08:02 173521      /usr/bin/node', 0),
    mapping('00651000-00652000 r--p 00051000 08:02 173521      /usr/bin/node', 0),
    mapping('00652000-00655000 r--p 00052000 08:02 173521      /usr/bin/node', 12),
    mapping('00655000-00656000 rw-p 00055000 08:02 173521      /usr/bin/node', 0),
    mapping('35b1800000-35b1820000 r-xp 00000000 00:00 0 ', 0),
    mapping('7f0000000000-7f0000001000 r--s 00000000 08:02 99  /usr/lib/gconv-modules.cache', 0),
    mapping('7fff3a1ff000-7fff3a201000 r-xp 00000000 00:00 0   [vdso]', 0),
  ].join('\n');
  expect(cleanFileMappings(smaps)).toEqual([
    { address: 0x400000, length: 0x52000 },
    { address: 0x651000, length: 0x1000 },
  ]);
});

it('giving back lowers what the process holds, and it goes on', () => {
  const before = residentMemory(process.pid);
  releaseStartupPages();
  const after = residentMemory(process.pid);
  expect(after.now).toBeLessThan(before.now - 5);
  expect(JSON.parse('{"works":true}').works).toBe(true);
});
