import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadAuthority } from '../../../coordinator/pki/secrets.ts';
import { openStore } from '../../../coordinator/store/open.ts';
import { runOk } from '../../support/process.ts';

const ROOT = join(import.meta.dirname, '../../..');
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'warren-modules-'));
  const store = await openStore({ dataDir: join(folder, 'data'), initialise: {} });
  await loadAuthority(store);
  await store.close();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The packages that a command loads, and how many files of Warren's own. */
async function loadedBy(program: string, ...args: string[]): Promise<{ packages: string[]; own: string[] }> {
  const list = join(folder, 'modules');
  const hook = join(ROOT, 'test/support/record-modules.mjs');
  await runOk(join(ROOT, 'bin/warren-node'), ['--import', hook, join(ROOT, program), ...args], {
    env: { WARREN_MODULES: list },
  });
  const urls = readFileSync(list, 'utf8').split('\n');
  const packages = urls.flatMap((url) => /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1] ?? []);
  return {
    packages: [...new Set(packages)].sort(),
    own: urls.filter((url) => !/^node:|node_modules/.test(url)),
  };
}

// A start is what people wait for at each verb: half a second if all of the program is loaded.
describe('what a command loads', () => {
  it.each(['coordinator/main.ts', 'agent/main.ts'])(
    'is the command line alone for %s --version',
    async (program) => {
      expect((await loadedBy(program, '--version')).packages).toEqual(['commander']);
    },
  );

  it('is nothing of the servers for the help of the coordinator', async () => {
    const { packages } = await loadedBy('coordinator/main.ts', '--help');
    expect(packages).toContain('commander');
    expect(packages.filter((name) => /hono|grpc|zod|kysely|pg|x509|pino|simplewebauthn/.test(name))).toEqual(
      [],
    );
  });

  it.each([
    ['token', 'create', '--url', 'https://192.0.2.1:8443'],
    ['nodes', 'list'],
    ['audit', 'list'],
  ])('is the database and one file of verbs for %s %s', async (...args) => {
    const { packages, own } = await loadedBy('coordinator/main.ts', ...args, '--data', join(folder, 'data'));
    // jsonc-parser: of the policy, by which the store says who sees whom.
    expect(packages).toEqual(['commander', 'jsonc-parser', 'kysely']);
    expect(own.filter((url) => /\/coordinator\/(admin|grpc|relay|stun|telemetry)\//.test(url))).toEqual([]);
    expect(own.filter((url) => /\/coordinator\/cli\/(?!options)/.test(url))).toHaveLength(1);
  });
});
