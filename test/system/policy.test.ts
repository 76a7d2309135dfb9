/**
 * The policy from its file to the agents: `coordinator policy` beside a running coordinator, three hosts on one switch.
 *
 *     coordinator      laptop           web (tag:web)    db (tag:db)
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { COORDINATOR, meshOnOneSwitch, type TestAgent, type TestCoordinator } from '../support/mesh.ts';
import { describeNeeds } from '../support/needs.ts';
import { Lab } from '../support/netns.ts';
import { run } from '../support/process.ts';
import { waitFor } from '../support/wait-for.ts';

const NAMES = ['laptop', 'web', 'db'] as const;

const POLICY = `// What a small network has.
{
  "tagOwners": {"tag:web": ["autogroup:admin"], "tag:db": ["autogroup:admin"]},
  "acls": [
    {"action": "accept", "src": ["autogroup:member"], "dst": ["tag:web:443"]},
    {"action": "accept", "src": ["tag:web"], "dst": ["tag:db:5432"], "proto": "tcp"},
  ],
  "tests": [{"src": "tag:web", "accept": ["tag:db:5432"], "deny": ["tag:db:22"]}],
}
`;

describeNeeds(['root', 'tun'], 'the policy beside a running coordinator', () => {
  const lab = new Lab();
  let coordinator: TestCoordinator;
  let agents: Record<(typeof NAMES)[number], TestAgent>;
  let folder: string;

  beforeAll(async () => {
    ({ coordinator, agents } = await meshOnOneSwitch(lab, NAMES));
    folder = lab.directory('policies');
    await coordinator.start();
    await agents.laptop.join(await coordinator.token());
    for (const name of ['web', 'db'] as const)
      await agents[name].join(await coordinator.token('--tag', name));
    for (const name of NAMES) await agents[name].knows(2);
  });

  afterAll(() => lab.close());

  const file = (name: string, text: string) => {
    const path = join(folder, name);
    writeFileSync(path, text);
    return path;
  };
  const peersOf = async (name: (typeof NAMES)[number]) =>
    (await agents[name].status()).peers.map((peer) => peer.name).sort();
  const verb = (...args: string[]) => run(COORDINATOR, ['policy', ...args, '--data', coordinator.data]);

  it('SEC-36: is in force at once: who may not talk no longer knows of the other', async () => {
    const path = file('policy.hujson', POLICY);
    expect(await run(COORDINATOR, ['policy', 'check', path])).toMatchObject({
      status: 0,
      stdout: `${path} is in order: 2 rules, 1 test\n`,
    });
    expect(await verb('apply', path)).toMatchObject({
      status: 0,
      stdout: 'version 1 of the policy is in force\n',
    });
    await waitFor('the laptop to see the web alone', async () => (await peersOf('laptop')).join() === 'web');
    await waitFor('the db to see the web alone', async () => (await peersOf('db')).join() === 'web');
    expect(await peersOf('web')).toEqual(['db', 'laptop']);
    const [address] = await agents.db.addresses();
    expect(await agents.laptop.pings(address as string, 1)).toBe(false);
  });

  it('is explained, rule by rule', async () => {
    expect((await verb('explain', 'web', 'db', 'tcp/5432')).stdout).toBe(
      'allowed: web to db, tcp/5432\n  acls[1] in line 6 grants it: tag:web to tag:db, tcp 5432\n',
    );
    expect((await verb('explain', 'laptop', 'db', 'tcp/5432')).stdout).toMatch(
      /^denied: .*\n {2}no rule grants it\n/,
    );
    expect(JSON.parse((await verb('explain', 'web', 'db', 'udp/53', '--json')).stdout)).toMatchObject({
      allowed: false,
      rule: null,
      at: 'db',
    });
    expect(await verb('explain', 'web', 'nobody', 'tcp/1')).toMatchObject({ status: 1 });
    expect(await verb('explain', 'web', 'db', 'tcp')).toMatchObject({ status: 2 });
  });

  it('SEC-38: with mistakes is refused with their places, and nothing changes', async () => {
    const path = file('bad.hujson', '{"acls": [],\n "ssh": [{}],\n "tests": [{"src": "x"}]}');
    for (const args of [
      ['check', path],
      ['apply', path],
    ]) {
      const { status, stderr, stdout } = await verb(...args);
      expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
      const lines = stderr.trim().split('\n');
      expect(lines[0]).toContain(`${path}:2:2: "ssh" is not supported`);
      expect(lines).toContainEqual(expect.stringContaining(`${path}:3:`));
      expect(lines.at(-1)).toMatch(/^error: .* mistakes, the first in line 2; nothing was changed$/);
    }
    const failing = file('failing.hujson', POLICY.replace('tag:db:22"', 'tag:db:5432"'));
    expect(await verb('apply', failing)).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(
        /^error: .*failing\.hujson:8:\d+: tests\[0\] fails: .*acls\[1\] in line 6/,
      ),
    });
    expect((await verb('show')).stdout).toBe(POLICY);
    expect(await peersOf('laptop')).toEqual(['web']);
  });

  it('SEC-65: is kept in versions, restored as a new one, and audited', async () => {
    const open = file('open.json', '{"acls":[{"action":"accept","src":["*"],"dst":["*:*"]}]}');
    await verb('apply', open);
    await agents.laptop.knows(2);
    expect(await verb('restore', '1')).toMatchObject({ status: 0 });
    await waitFor('the db to be gone', async () => (await peersOf('laptop')).join() === 'web');
    const versions = JSON.parse((await verb('versions', '--json')).stdout);
    expect(versions).toMatchObject([
      { version: 3, restoredFrom: 1, actor: 'cli' },
      { version: 2, restoredFrom: null },
      { version: 1, restoredFrom: null },
    ]);
    expect((await verb('show', '--version', '2')).stdout).toContain('"*:*"');
    const rows = JSON.parse(await coordinator.verb('audit', 'list', '--limit', '200', '--json'));
    const policies = rows.filter(({ action }: { action: string }) => action.startsWith('policy.'));
    expect(
      policies.map((row: Record<string, string>) => `${row.action} ${row.target} ${row.result}`),
    ).toEqual([
      'policy.restore version 3 ok',
      'policy.apply version 2 ok',
      'policy.apply  refused',
      'policy.apply  refused',
      'policy.apply version 1 ok',
    ]);
  });
});
