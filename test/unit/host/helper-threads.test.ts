import { readdirSync, readFileSync } from 'node:fs';
import { constants, getPriority } from 'node:os';
import { expect, it } from 'vitest';
import { putHelperThreadsBehind } from '../../../agent/host/helper-threads.ts';

it("V8's helper threads come after all others, and only they", () => {
  expect(putHelperThreadsBehind()).toBeGreaterThan(0);
  for (const id of readdirSync('/proc/self/task')) {
    const isHelper = readFileSync(`/proc/self/task/${id}/comm`, 'utf8').startsWith('V8Worker');
    expect(getPriority(Number(id)), id).toBe(isHelper ? 10 : constants.priority.PRIORITY_NORMAL);
  }
});
