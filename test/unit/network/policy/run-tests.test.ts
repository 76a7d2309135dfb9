import { describe, expect, it } from 'vitest';
import { parsePolicy } from '../../../../coordinator/network/policy/parse.ts';
import { runTests, type TestGround } from '../../../../coordinator/network/policy/run-tests.ts';
import { NETWORK, policyNode } from '../../../support/policies.ts';

const DOCUMENT = {
  groups: { 'group:dev': ['alice@example.com', 'bob@'] },
  hosts: { lan: '192.168.1.0/24', site: '192.168.0.0/16', printer: '192.168.1.7', node1: '100.64.0.1' },
  acls: [
    { action: 'accept', src: ['group:dev'], dst: ['tag:web:22,80'] },
    { action: 'accept', src: ['tag:web'], dst: ['lan:*'], proto: 'tcp' },
    { action: 'accept', src: ['autogroup:member'], dst: ['autogroup:self:*'] },
    { action: 'accept', src: ['tag:web'], dst: ['tag:db:*'], proto: 'icmp' },
  ],
};

function failures(test: object, ground: TestGround | null = null): string[] {
  const { document, problems } = parsePolicy(JSON.stringify({ ...DOCUMENT, tests: [test] }));
  expect(problems).toEqual([]);
  return runTests(document!, ground).map(({ message }) => message);
}

describe('tests of a policy', () => {
  it.each<[string, object]>([
    [
      'a user by a group',
      { src: 'alice@example.com', accept: ['tag:web:22'], deny: ['tag:web:23', 'tag:db:22'] },
    ],
    ['every user of a group', { src: 'group:dev', accept: ['tag:web:80'] }],
    ['a protocol', { src: 'tag:web', proto: 'tcp', accept: ['lan:445'], deny: ['tag:db:1'] }],
    ['one of TCP and UDP where none is named', { src: 'tag:web', accept: ['printer:631'] }],
    ['a protocol without ports', { src: 'tag:web', proto: 'icmp', accept: ['tag:db'], deny: ['lan'] }],
    ['own machines', { src: 'bob@', accept: ['bob@:22'], deny: ['alice@example.com:22'] }],
    ['what the document does not mention', { src: 'tag:none', deny: ['tag:web:22', 'lan:22', 'printer:22'] }],
  ])('hold for %s', (_, test) => expect(failures(test)).toEqual([]));

  it.each<[string, object, string]>([
    [
      'is not granted',
      { src: 'carol@', accept: ['tag:web:22'] },
      'carol@ must reach tag:web:22, and no rule grants it',
    ],
    [
      'is granted',
      { src: 'bob@', deny: ['tag:web:80'] },
      'must not reach tag:web:80, and it is granted by acls[0] in line 1',
    ],
    [
      'is granted over UDP only by another protocol',
      { src: 'tag:web', proto: 'udp', accept: ['lan:53'] },
      'no rule',
    ],
    ['is granted in part, and must be denied', { src: 'tag:web', deny: ['site:22'] }, 'it is granted'],
    ['is granted in part, and must be accepted', { src: 'tag:web', accept: ['site:22'] }, 'no rule'],
  ])('fail for what %s', (_, test, message) => {
    expect(failures(test)).toEqual([expect.stringContaining(message)]);
  });

  it('of an address that is a node are of its tags too, once the nodes are known', () => {
    const test = { src: 'node1', accept: ['printer:631'] };
    expect(failures(test)).toHaveLength(1);
    const ground = (tags: string[]) => ({ network: NETWORK, nodes: [policyNode(1, { tags })], users: [] });
    expect(failures(test, ground(['web']))).toEqual([]);
    expect(failures(test, ground(['db']))).toHaveLength(1);
  });

  it('of users are of their roles and groups too, once the accounts are known', () => {
    const acls = [
      { action: 'accept', src: ['autogroup:admin', 'group:ops@login.example.com'], dst: ['tag:web:22'] },
    ];
    const results = (test: object, ground: TestGround | null) =>
      runTests(parsePolicy(JSON.stringify({ acls, tests: [test] })).document!, ground).map(
        ({ message }) => message,
      );
    const ada = { name: 'ada', role: 'admin' as const, disabled: false, groups: [] };
    const ground = (user: object) => ({ network: NETWORK, nodes: [], users: [{ ...ada, ...user }] });
    const test = { src: 'ada@', accept: ['tag:web:22'] };
    expect(results(test, ground({}))).toEqual([]);
    expect(results(test, ground({ role: 'auditor', groups: ['ops@login.example.com'] }))).toEqual([]);
    expect(results(test, ground({ role: 'owner' }))).toHaveLength(1);
    expect(results(test, ground({ disabled: true }))).toHaveLength(1);
    expect(results(test, null)).toEqual([expect.stringContaining('known with --data only')]);
    expect(results({ src: 'autogroup:admin', accept: ['tag:web:22'] }, null)).toEqual([]);
    expect(results({ src: 'autogroup:owner', deny: ['tag:web:22'] }, null)).toEqual([]);
  });

  it('of an empty group fail: nobody can show that they hold', () => {
    const { document } = parsePolicy(
      JSON.stringify({
        acls: [],
        groups: { 'group:x': [] },
        tests: [{ src: 'group:x', deny: ['10.0.0.1:1'] }],
      }),
    );
    expect(runTests(document!, null)).toMatchObject([{ message: 'tests[0]: group:x is nobody' }]);
  });

  it('say where they stand', () => {
    const { document } = parsePolicy(
      '{"acls": [],\n"tests": [\n {"src": "a@b", "accept": ["tag:x:1",\n  "tag:y:2"]}]}',
    );
    expect(runTests(document!, null).map(({ line, column }) => [line, column])).toEqual([
      [3, 28],
      [4, 3],
    ]);
  });
});
