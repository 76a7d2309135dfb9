import { cpSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { Lab } from '../support/netns.ts';
import { run } from '../support/process.ts';

const ROOT = join(import.meta.dirname, '../..');
const VERSION = ['-p', 'process.version'];
let lab = new Lab();

afterEach(async () => {
  await lab.close();
  lab = new Lab();
});

/** A folder with a program `node` that says it is of that version, and tells its arguments instead of running them. */
function fakeNode(version: string): string {
  const folder = lab.directory('path');
  const body = `#!/bin/sh\n[ "$1" = -v ] && echo v${version} || echo fake "$@"\n`;
  writeFileSync(join(folder, 'node'), body, { mode: 0o755 });
  return folder;
}

describe('bin/warren-node', () => {
  const launcher = join(ROOT, 'bin/warren-node');
  const node = (env: Record<string, string | undefined>) =>
    run(launcher, VERSION, { cwd: '/', env: { WARREN_NODE: undefined, ...env } });

  it.each(['24.0.0', '26.1.0'])('takes node %s from PATH', async (version) => {
    const { stdout } = await node({ PATH: `${fakeNode(version)}:/usr/bin:/bin` });
    expect(stdout).toBe('fake --disable-warning=ExperimentalWarning -p process.version\n');
  });

  it.each(['9.1.0', '20.20.2', 'nonsense'])('takes its own where PATH has node %s', async (version) => {
    const { stdout } = await node({ PATH: `${fakeNode(version)}:/usr/bin:/bin` });
    expect(stdout).toMatch(/^v(2[4-9]|[3-9]\d)\./);
  });

  it('takes WARREN_NODE before all, and says so when it is too old', async () => {
    const good = join(fakeNode('24.0.0'), 'node');
    expect((await node({ WARREN_NODE: good })).stdout).toContain('fake');
    const bad = await node({ WARREN_NODE: join(fakeNode('20.0.0'), 'node') });
    expect(bad).toMatchObject({ status: 1, stdout: '' });
    expect(bad.stderr).toMatch(/^warren: WARREN_NODE=.* is not Node.js 24 or later[^\n]*\n$/);
  });

  it('says in one line what to do where there is no Node.js 24', async () => {
    const elsewhere = lab.directory('elsewhere');
    cpSync(join(ROOT, 'bin'), join(elsewhere, 'bin'), { recursive: true });
    const env = { PATH: `${fakeNode('18.0.0')}:/usr/bin:/bin`, WARREN_NODE: undefined };
    const { status, stderr } = await run(join(elsewhere, 'bin/warren-node'), VERSION, { env });
    expect(status).toBe(1);
    expect(stderr).toBe(
      `warren: no Node.js 24 found: run \`npm install\` in ${elsewhere}, or install Node.js 24 or later\n`,
    );
  });

  it('prints no warning for type stripping and node:sqlite', async () => {
    const { stdout, stderr, status } = await run(launcher, ['-e', "require('node:sqlite')"]);
    expect({ stdout, stderr, status }).toEqual({ stdout: '', stderr: '', status: 0 });
  });
});

describe.each(['agent', 'coordinator'])('bin/%s', (program) => {
  it('runs from any folder, through links to links, with the bare environment of sudo', async () => {
    const folder = lab.directory('links with spaces');
    mkdirSync(join(folder, 'sub'));
    symlinkSync(join(ROOT, 'bin', program), join(folder, 'first'));
    symlinkSync('../first', join(folder, 'sub/second'));
    const { stdout, stderr, status } = await run(
      'env',
      ['-i', 'PATH=/usr/sbin:/usr/bin:/sbin:/bin', join(folder, 'sub/second'), '--help'],
      { cwd: '/' },
    );
    expect(stderr).toBe('');
    expect(stdout).toMatch(/^Usage: /);
    expect(status).toBe(0);
  });
});
