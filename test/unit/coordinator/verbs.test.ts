import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { dnsCommand } from '../../../coordinator/cli/dns.ts';
import { exitNodesCommand } from '../../../coordinator/cli/exit-nodes.ts';
import { networkCommand } from '../../../coordinator/cli/network.ts';
import { nodesCommand } from '../../../coordinator/cli/nodes.ts';
import { policyCommand } from '../../../coordinator/cli/policy.ts';
import { segmentsCommand } from '../../../coordinator/cli/segments.ts';
import { tokenCommand } from '../../../coordinator/cli/token.ts';
import { loadAuthority } from '../../../coordinator/pki/secrets.ts';
import { openStore } from '../../../coordinator/store/open.ts';
import type { Store } from '../../../coordinator/store/store.ts';
import { aReport, joinNode, NOW } from '../../support/store.ts';

let folder: string;
let store: Store;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'warren-verbs-'));
  store = await openStore({ dataDir: folder, initialise: {} });
  await loadAuthority(store);
  const offers = { routes: [], exitNode: true, tags: [], mappings: [] };
  const { id } = await joinNode(store, { name: 'db1', offers });
  await store.putReport(id, { ...aReport({ offers }), offeredSegments: ['lab'] }, NOW);
});
afterEach(async () => {
  vi.restoreAllMocks();
  await store.close();
  rmSync(folder, { recursive: true, force: true });
});

const COMMANDS = {
  nodes: nodesCommand,
  'exit-nodes': exitNodesCommand,
  segments: segmentsCommand,
  policy: policyCommand,
  dns: dnsCommand,
  network: networkCommand,
  token: tokenCommand,
};

/** What a verb prints; its error is in `error`. */
async function call(line: string) {
  const [group, ...args] = line.split(' ');
  const stdout = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  const stderr = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  try {
    const command = COMMANDS[group as keyof typeof COMMANDS]();
    const error = await command.parseAsync([...args, '--data', folder], { from: 'user' }).then(
      () => null,
      (thrown: unknown) => thrown,
    );
    return { stdout: stdout.mock.calls.join(''), stderr: stderr.mock.calls.join(''), error };
  } finally {
    vi.restoreAllMocks();
  }
}

/** A verb, what it says, and what it prints with --json. */
const CHANGES: [string, string | RegExp, object][] = [
  ['nodes rename db1 db2', 'db1 is db2 now\n', { name: 'db2' }],
  ['nodes tag db1 --tag web --tag db', 'db1 has tags db, web\n', { name: 'db1', tags: ['db', 'web'] }],
  ['nodes tag db1', 'db1 has no tag\n', { tags: [] }],
  ['nodes expire db1 --never', 'the key of db1 does not expire\n', { keyExpiresAt: null }],
  ['nodes expire db1 --in 1h', /^the key of db1 expires at \d{4}-/, { name: 'db1' }],
  ['nodes expire db1', /^the key of db1 has expired: /, { name: 'db1' }],
  ['nodes approve db1', 'db1 is approved\n', { approved: true }],
  ['nodes disable db1', 'db1 is disabled\n', { disabled: true }],
  ['nodes enable db1', 'db1 is enabled\n', { disabled: false }],
  ['nodes remove db1', 'db1 is removed\n', { name: 'db1' }],
  [
    'exit-nodes approve db1',
    'db1 carries traffic to the Internet, as soon as it is connected\n',
    { node: 'db1', approved: true },
  ],
  ['exit-nodes disapprove db1', 'db1 does not carry traffic to the Internet\n', { approved: false }],
  ['segments approve db1 lab', 'db1 is a part of the segment lab\n', { segment: 'lab', approved: true }],
  ['segments disapprove db1 lab', 'db1 is no part of the segment lab\n', { approved: false }],
  [
    'dns set --zone corp.example',
    /^DOMAIN +ANSWERED BY\ncorp.example +the agents\n/,
    { zone: 'corp.example' },
  ],
  ['network set --multicast on', /\nmulticast +on\n$/, { settings: { multicast: true } }],
  [
    'token create --url https://192.0.2.1:8443 --tag web',
    /^warren1_\S+\n$/,
    { state: 'good', tags: ['web'], token: expect.stringMatching(/^warren1_/) },
  ],
];

describe('verbs that change something', () => {
  it.each(CHANGES)('%s: say in a line what is so now', async (line, text) => {
    const { stdout, ...rest } = await call(line);
    expect(rest).toEqual({ error: null, stderr: '' });
    if (typeof text === 'string') expect(stdout).toBe(text);
    else expect(stdout).toMatch(text);
  });

  it.each(CHANGES)('%s --json: print the thing as it is then', async (line, _, value) => {
    const { stdout, ...rest } = await call(`${line} --json`);
    expect(rest).toEqual({ error: null, stderr: '' });
    expect(JSON.parse(stdout)).toMatchObject(value);
  });
});

describe('policy check and apply --json', () => {
  const file = () => join(folder, 'policy.hujson');

  it('print mistakes as one document, each with code and place, and end in an error as without', async () => {
    writeFileSync(
      file(),
      '{"acls": [\n {"action": "accept", "src": ["ipset:x", "?"], "dst": ["*:*"]}],\n "ssh": [{}]}',
    );
    for (const verb of ['check', 'apply']) {
      const { stdout, stderr, error } = await call(`policy ${verb} ${file()} --json`);
      expect(stderr).toBe('');
      expect(error).toMatchObject({ code: 'corrupt' });
      expect(JSON.parse(stdout)).toMatchObject({
        ok: false,
        error: { code: 'corrupt', hint: 'nothing was changed' },
        problems: [
          { code: 'unsupported', line: 2, column: 31, message: expect.stringContaining('ipset:x') },
          { code: 'invalid', line: 2, column: 42 },
          { code: 'unsupported', line: 3, column: 2 },
        ],
        testResults: [],
      });
    }
    writeFileSync(file(), '{"acls": [}');
    expect(JSON.parse((await call(`policy check ${file()} --json`)).stdout).problems[0]).toMatchObject({
      code: 'syntax',
      line: 1,
      column: 11,
    });
    expect(await store.policy()).toBeNull();
  });

  it('print what came of each test', async () => {
    const rule = '{"acls": [{"action": "accept", "src": ["a@"], "dst": ["tag:web:22"]}], "tests": [';
    const [good, bad] = [
      '{"src": "a@", "accept": ["tag:web:22"]}',
      '{"src": "a@", "accept": ["tag:web:23"]}',
    ];
    writeFileSync(file(), `${rule}${good},\n${bad}]}`);
    const document = JSON.parse((await call(`policy apply ${file()} --json`)).stdout);
    expect(document).toMatchObject({
      ok: false,
      tests: 2,
      problems: [{ code: 'test-failed', line: 2 }],
      testResults: [
        { id: 'tests[0]', src: 'a@', ok: true, failures: [] },
        {
          id: 'tests[1]',
          ok: false,
          failures: [{ line: 2, message: expect.stringContaining('tag:web:23') }],
        },
      ],
    });
    writeFileSync(file(), `${rule}${good}]}`);
    const applied = await call(`policy apply ${file()} --json`);
    expect(JSON.parse(applied.stdout)).toMatchObject({ version: 1, warnings: [{ code: 'warning' }] });
    expect(JSON.parse((await call(`policy check ${file()} --json`)).stdout)).toMatchObject({
      ok: true,
      rules: 1,
      testResults: [{ ok: true }],
    });
  });
});
