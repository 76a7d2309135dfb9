import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { describeNeedsRoot } from '../support/needs.ts';
import { Child, run, runOk } from '../support/process.ts';

const ROOT = join(import.meta.dirname, '../..');
const LAUNCHER = join(ROOT, 'bin/warren-node');
const DEMO = join(ROOT, 'test/demo/demo.ts');

describeNeedsRoot('the demo', () => {
  it('joins three agents, shows every pair and the admin page, and leaves nothing after Ctrl-C', async () => {
    const demo = new Child(LAUNCHER, [DEMO]);
    const first = new Child(LAUNCHER, [DEMO, '--check', '--driver', 'linux']); // another one at the same time
    await demo.waitForOutput(/stays up until Ctrl-C/, 180_000);
    expect(await first.exited, first.output).toBe(0);

    const names = ['berlin', 'oslo', 'lima'];
    for (const from of names)
      for (const to of names.filter((name) => name !== from))
        for (const family of ['100.64.0.\\d+', 'fd[0-9a-f:]+'])
          expect(demo.output).toMatch(new RegExp(`^${from} +${to} +${family} +3/3 +[\\d.]+ ms +direct`, 'm'));

    const [link] = /http:\/\/127\.0\.0\.1:\d+\/\S*code=\S+/.exec(demo.output)!;
    const page = await fetch(link);
    expect({ status: page.status, type: page.headers.get('content-type') }).toEqual({
      ...{ status: 200, type: expect.stringContaining('text/html') },
    });

    const [, state] = /status --state (\S+)/.exec(demo.output)!;
    expect(existsSync(state!)).toBe(true);
    expect(await demo.end('SIGINT', 60_000), demo.output).toBe(0);
    expect(existsSync(state!)).toBe(false);
    const namespaces = await runOk('ip', ['netns', 'list']);
    for (const { pid } of [demo, first]) expect(namespaces).not.toContain(`warren-${pid}-`);
  });

  it('says what it expects instead of an unknown option', async () => {
    const { status, stderr } = await run(LAUNCHER, [DEMO, '--chekc']);
    expect({ status, stderr }).toEqual({
      ...{ status: 2, stderr: "demo: Unknown option '--chekc': expected --check, --driver linux|portable\n" },
    });
  });
});
