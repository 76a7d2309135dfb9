import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { describeNeedsRoot } from '../support/needs.ts';
import { Lab } from '../support/netns.ts';
import { run } from '../support/process.ts';

const ROOT = join(import.meta.dirname, '../..');
let lab = new Lab();

afterEach(async () => {
  await lab.close();
  lab = new Lab();
});

/** `npm test` on a project that has only these test files. Its lines and its status. */
async function npmTest(files: Record<string, string>) {
  const folder = lab.directory('project');
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  mkdirSync(join(folder, 'test'));
  writeFileSync(join(folder, 'vitest.config.mjs'), "export default { test: { include: ['test/*.mjs'] } };\n");
  for (const [name, source] of Object.entries(files))
    writeFileSync(
      join(folder, 'test', name),
      `import { describe, expect, it } from 'vitest';\nimport { spawn, spawnSync } from 'node:child_process';\n${source}`,
    );
  const { stdout, status } = await run(
    process.execPath,
    [join(ROOT, 'test/support/run-tests.mjs'), '--root', folder],
    { timeout: 60_000 },
  );
  const lines = stdout.trimEnd().split('\n');
  return { stdout, status, last: lines.at(-1) };
}

describeNeedsRoot('the test runner', () => {
  it('ends with 0 and the count when all pass', async () => {
    const { last, status } = await npmTest({ 'a.mjs': "it('a', () => {}); it('b', () => {});" });
    expect({ last, status }).toEqual({ last: '2 passed, 0 failed', status: 0 });
  });

  it('counts failures, files that break outside tests, and what was left out with its reason', async () => {
    const { stdout, last, status } = await npmTest({
      'a.mjs': "it('good', () => {}); it('bad', () => expect(1).toBe(2));",
      'b.mjs': "throw new Error('broken at import');",
      'c.mjs':
        "describe.skip('the interop [left out: no wg]', () => { it('x', () => {}); it('y', () => {}); });",
    });
    expect({ last, status }).toEqual({ last: '1 passed, 2 failed, 2 skipped', status: 1 });
    expect(stdout).toContain('left out, no wg: the interop (2)');
    expect(stdout).toContain('broken at import');
  });

  it('fails when an error reaches nobody, and when there is no test at all', async () => {
    const rejected = await npmTest({
      'a.mjs':
        "it('a', async () => { Promise.reject(new Error('lost')); await new Promise((r) => setTimeout(r, 50)); });",
    });
    expect({ last: rejected.last, status: rejected.status }).toEqual({
      last: '1 passed, 1 failed',
      status: 1,
    });
    expect((await npmTest({})).status).toBe(1);
  });

  it('fails when a test leaves a namespace or a process behind, and names it', async () => {
    const { stdout, last, status } = await npmTest({
      'a.mjs': `it('a', () => {
        spawnSync('ip', ['netns', 'add', 'warren-' + process.pid + '-1-planted']);
        spawn('sleep', ['20'], { detached: true, stdio: 'ignore' }).unref();
      });`,
    });
    const [, namespace] = /left behind by a test: namespace (\S+-planted)/.exec(stdout) ?? [];
    const [, pid] = /left behind by a test: process (\d+) sleep 20/.exec(stdout) ?? [];
    if (namespace) await run('ip', ['netns', 'delete', namespace]);
    if (pid) process.kill(Number(pid));
    expect({ namespace, pid }).toEqual({ namespace: expect.any(String), pid: expect.any(String) });
    expect({ last, status }).toEqual({ last: '1 passed, 1 failed', status: 1 });
  });
});
