import { describe, expect, it } from 'vitest';
import { parsePolicy } from '../../../../coordinator/network/policy/parse.ts';
import { formatPrefix } from '../../../../shared/prefix.ts';

/** `line:column message` of all problems. */
const problems = (text: string) =>
  parsePolicy(text).problems.map(({ line, column, message }) => `${line}:${column} ${message}`);
const rulesOf = (text: string) => {
  const { document, problems } = parsePolicy(text);
  expect(problems).toEqual([]);
  return document!.rules;
};
const acl = (rest: string) => `{"acls": [{"action": "accept", ${rest}}]}`;
const grant = (ip: string) => `{"grants": [{"src": ["*"], "dst": ["*"], "ip": ${ip}}]}`;

/** As a network of the field has it: comments, trailing commas, keys in both cases. */
const FIELD_POLICY = `// Who may do what.
{
  "groups": {
    "group:dev": ["alice@example.com", "bob@",], /* two of them */
  },
  "tagOwners": {
    "tag:web": ["autogroup:admin", "group:dev"],
    "tag:db": ["tag:web"],
  },
  "Hosts": { "printer": "192.168.1.7", "lan": "192.168.1.0/24", },
  "ACLs": [
    // Development
    { "Action": "accept", "src": ["group:dev"], "dst": ["tag:web:22,80-90", "tag:db:22,80-90", "lan:*"] },
    { "action": "accept", "users": ["autogroup:member"], "ports": ["autogroup:self:*", "[fd00::1]:443"], "proto": "tcp", },
  ],
  "grants": [{ "src": ["tag:web"], "dst": ["printer", "autogroup:internet"], "ip": ["tcp:631", "icmp:*"] }],
  "autoApprovers": { "routes": { "10.0.0.0/8": ["tag:web"] }, "exitNode": ["group:dev"] },
  "tests": [{ "src": "alice@example.com", "accept": ["tag:web:22"], "deny": ["tag:db:5432"] }],
}
`;

describe('a policy of the field', () => {
  it('is taken with comments, trailing commas, old names and keys in any case', () => {
    const { document, warnings } = parsePolicy(FIELD_POLICY);
    expect(warnings).toEqual([]);
    expect(document?.rules.map(({ id, line }) => [id, line])).toEqual([
      ['acls[0]', 13],
      ['acls[0]', 13],
      ['acls[1]', 14],
      ['acls[1]', 14],
      ['grants[0]', 16],
    ]);
    const [first, lan, self, address, printer] = document!.rules;
    expect(first).toMatchObject({
      sources: [{ kind: 'users', names: new Set(['alice@example.com', 'bob']) }],
      destinations: [
        { kind: 'tag', tag: 'web' },
        { kind: 'tag', tag: 'db' },
      ],
    });
    expect(lan?.destinations.map((d) => d.kind === 'prefix' && formatPrefix(d.prefix))).toEqual([
      '192.168.1.0/24',
    ]);
    expect(self?.destinations).toMatchObject([{ kind: 'self' }]);
    expect(address?.services).toEqual([{ protocol: 6, firstPort: 443, lastPort: 443 }]);
    expect(printer?.services.map(({ protocol }) => protocol)).toEqual([6, 1, 58]);
    expect(document?.autoApprovers).toMatchObject({
      routes: [{ approvers: [{ tag: 'web' }] }],
      exitNode: [{ kind: 'users' }],
    });
    expect(document?.tests).toMatchObject([
      { protocols: [6, 17], accept: [{ port: 22 }], deny: [{ port: 5432 }] },
    ]);
  });
});

describe('ports and protocols', () => {
  const services = (text: string) =>
    rulesOf(text)[0]?.services.map((s) => `${s.protocol}/${s.firstPort}-${s.lastPort}`);

  it.each<[string, string, string[]]>([
    [
      'without a protocol are of TCP and UDP, with ping',
      '"src":["*"],"dst":["*:22"]',
      ['6/22-22', '17/22-22', '1/0-0', '58/0-0'],
    ],
    ['with one are of it', '"src":["*"],"dst":["*:22,80-90"],"proto":"tcp"', ['6/22-22', '6/80-90']],
    ['may be all', '"src":["*"],"dst":["*:0-65535"],"proto":"sctp"', ['132/0-0']],
    ['of a number', '"src":["*"],"dst":["*:*"],"proto":"47"', ['47/0-0']],
    ['of icmp mean both families', '"src":["*"],"dst":["*:*"],"proto":"icmp"', ['1/0-0', '58/0-0']],
    ['0 grant no more than ping', '"src":["*"],"dst":["*:0"]', ['1/0-0', '58/0-0']],
    ['0 among others are none', '"src":["*"],"dst":["*:0,22"],"proto":"tcp"', ['6/22-22']],
  ])('in an acl %s', (_, rest, expected) => expect(services(acl(rest))).toEqual(expected));

  it.each<[string, string[]]>([
    ['["*"]', []],
    ['["tcp:80", "*"]', []],
    ['["tcp:80-90", "udp:*"]', ['6/80-90', '17/0-0']],
    ['["443"]', ['6/443-443', '17/443-443', '1/0-0', '58/0-0']],
  ])('a grant of %s', (ip, expected) => expect(services(grant(ip))).toEqual(expected));
});

describe('destinations', () => {
  it.each<[string, string]>([
    ['[fd00::1]:22', 'fd00::1/128'],
    ['[fd00::]/64:22', 'fd00::/64'],
    ['[fd00::/64]:22', 'fd00::/64'],
    ['fd00::1:22', 'fd00::1/128'],
    ['fd00::/64:*', 'fd00::/64'],
    ['10.0.0.0/8:*', '10.0.0.0/8'],
    ['10.1.2.3:1', '10.1.2.3/32'],
  ])('%s', (text, expected) => {
    const [rule] = rulesOf(acl(`"src":["*"],"dst":["${text}"]`));
    const [destination] = rule!.destinations;
    expect(destination?.kind === 'prefix' && formatPrefix(destination.prefix)).toBe(expected);
  });
});

it('what is not supported may stand empty or off, as exported files have it', () => {
  const off =
    '"ssh":[], "nodeAttrs":null, "postures":{}, "disableIPv4":false, "OneCGNATRoute":"", "ipsets":{}';
  expect(
    problems(`{"acls":[], ${off}, "grants":[{"src":["*"],"dst":["*"],"ip":["*"],"srcPosture":[]}]}`),
  ).toEqual([]);
});

describe('SEC-38: what is refused', () => {
  it.each<[string, string, string]>([
    ['ssh', '{"acls":[],\n"ssh":[{}]}', '2:1 "ssh" is not supported'],
    ['node attributes', '{"acls":[], "nodeAttrs":[{}]}', '1:13 "nodeAttrs" is not supported'],
    ['postures', '{"acls":[], "postures":{"posture:x":[]}}', '"postures" is not supported'],
    ['an unknown section', '{"acls":[], "aclz":[]}', '1:13 a policy has no "aclz"'],
    ['an unknown key', acl('"src":["*"],"dst":["*:*"],"note":"x"'), 'an acl has no "note"'],
    [
      'app capabilities',
      '{"grants":[{"src":["*"],"dst":["*"],"app":{"example.com/cap/x":[{}]}}]}',
      '"app" is not supported',
    ],
    ['via', '{"grants":[{"src":["*"],"dst":["*"],"ip":["*"],"via":["tag:x"]}]}', '"via" is not supported'],
    ['a grant of no ports', '{"grants":[{"src":["*"],"dst":["*"],"app":{}}]}', 'grants[0] needs "ip"'],
    [
      'srcPosture',
      acl('"src":["*"],"dst":["*:*"],"srcPosture":["posture:x"]'),
      '"srcPosture" is not supported',
    ],
    ['a section twice', '{"acls":[], "ACLs":[]}', '"ACLs" stands in a policy twice, first in line 1'],
    ['another action', '{"acls":[{"action":"deny","src":["*"],"dst":["*:*"]}]}', '"deny" is not an action'],
    ['no action', '{"acls":[{"src":["*"],"dst":["*:*"]}]}', 'needs "action"'],
    ['no source', acl('"dst":["*:*"]'), 'acls[0] needs "src"'],
    ['no ports', acl('"src":["*"],"dst":["tag:web"]'), '"tag:web" names no ports'],
    ['bad ports', acl('"src":["*"],"dst":["*:80-70"]'), '"80-70" are no ports'],
    ['ports above 65535', acl('"src":["*"],"dst":["*:65536"]'), 'are no ports'],
    ['ports of icmp', acl('"src":["*"],"dst":["*:22"],"proto":"icmp"'), 'icmp has no ports'],
    ['an unknown protocol', acl('"src":["*"],"dst":["*:*"],"proto":"tpc"'), '"tpc" is no protocol'],
    ['protocol 256', acl('"src":["*"],"dst":["*:*"],"proto":"256"'), '"256" is no protocol'],
    [
      'a group of a provider without its host',
      acl('"src":["group:dev@"],"dst":["*:*"]'),
      '"group:dev@" is not in "groups"',
    ],
    ['an unknown group', acl('"src":["group:dev"],"dst":["*:*"]'), '"group:dev" is not in "groups"'],
    ['an unknown host', acl('"src":["server"],"dst":["*:*"]'), '"server" is neither an address'],
    ['half an address', acl('"src":["10.1"],"dst":["*:*"]'), '"10.1" is neither an address'],
    ['port 0 of a protocol', acl('"src":["*"],"dst":["*:0"],"proto":"tcp"'), 'port 0 grants nothing'],
    ['a tag that can be none', acl('"src":["tag:A b"],"dst":["*:*"]'), '"tag:A b" is not a tag'],
    ['an IP set', acl('"src":["ipset:x"],"dst":["*:*"]'), 'IP sets are not supported'],
    ['a service', acl('"src":["*"],"dst":["svc:x:*"]'), 'services are not supported'],
    [
      'autogroup:shared',
      acl('"src":["autogroup:shared"],"dst":["*:*"]'),
      '"autogroup:shared" is not supported',
    ],
    ['danger-all', acl('"src":["autogroup:danger-all"],"dst":["*:*"]'), '"*" is everybody within'],
    [
      'a role that no account has',
      acl('"src":["autogroup:network-admin"],"dst":["*:*"]'),
      '"autogroup:network-admin" is not supported: accounts are owner, admin or auditor here',
    ],
    [
      'the same of a tag owner',
      '{"acls":[],"tagOwners":{"tag:x":["autogroup:it-admin"]}}',
      '"autogroup:it-admin" is not supported',
    ],
    [
      'the same of an approver',
      '{"acls":[],"autoApprovers":{"exitNode":["autogroup:billing-admin"]}}',
      '"autogroup:billing-admin" is not supported',
    ],
    ['an invented autogroup', acl('"src":["autogroup:foo"],"dst":["*:*"]'), 'there is no "autogroup:foo"'],
    ['self as a source', acl('"src":["autogroup:self"],"dst":["*:*"]'), 'can only be a destination'],
    ['internet as a source', acl('"src":["autogroup:internet"],"dst":["*:*"]'), 'can only be a destination'],
    ['self of a tag', acl('"src":["tag:x"],"dst":["autogroup:self:*"]'), '"autogroup:self" needs users'],
    ['a group in a group', '{"acls":[],"groups":{"group:a":["group:b"]}}', 'a group has users, not groups'],
    ['a group of another name', '{"acls":[],"groups":{"a":[]}}', '"a" must be group:NAME'],
    ['a host of no address', '{"acls":[],"hosts":{"a":"b"}}', '"b" is neither an address nor a CIDR'],
    [
      'an approver that is an address',
      '{"acls":[],"autoApprovers":{"exitNode":["10.0.0.1"]}}',
      'cannot be an approver',
    ],
    ['a test of a range', '{"acls":[],"tests":[{"src":"*","accept":["tag:a:1-2"]}]}', 'must name one port'],
    ['a test of nothing', '{"acls":[],"tests":[{"src":"a@b"}]}', 'tests nothing'],
    ['a grant of nothing', grant('[]'), '"ip" is empty'],
    ['a grant without ip', '{"grants":[{"src":["*"],"dst":["*"]}]}', 'needs "ip"'],
    ['neither acls nor grants', '{}', '1:1 a policy needs "acls" or "grants"'],
    ['a list for a document', '[]', 'must be an object'],
    ['nothing at all', '', 'a value is missing here'],
    ['a number for a string', acl('"src":[5],"dst":["*:*"]'), 'must be a string, not a number'],
    ['a string for a list', acl('"src":"*","dst":["*:*"]'), 'must be a list'],
    ['null', '{"acls": null}', 'must be a list [ … ], not null'],
    ['a missing comma', '{\n "acls": []\n "tests": []\n}', '3:2 a comma is missing'],
    ['an open string', '{"acls', 'does not end'],
    ['too much nesting', `${'['.repeat(100_000)}`, 'nested deeper than 32'],
    ['too much text', `{"acls":[]}${' '.repeat(1 << 20)}`, 'longer than'],
    ['what follows the document', '{"acls":[]} {}', 'the document ends before this'],
  ])('%s', (_, text, expected) => {
    expect(problems(text).join('\n')).toContain(expected);
    expect(parsePolicy(text).document).toBeNull();
  });

  it('all mistakes at once, in their order, with line and column', () => {
    expect(
      problems(`{
  "acls": [
    {"action": "accept", "src": ["nobody"], "dst": ["*:x"]},
    {"action": "accept", "src": ["*"], "dst": ["also-nobody:*"]},
  ],
  "ssh": [{}],
}`).map((line) => line.split(' ')[0]),
    ).toEqual(['3:34', '3:53', '4:48', '6:3']);
  });

  it('columns count after tabs and characters of two units as editors do', () => {
    expect(problems('{"acls":[],\r\n\t"😀": 1}')[0]).toMatch(/^2:2 /);
  });

  it('a key named like what every object has is unknown too', () => {
    expect(problems('{"acls":[],"constructor":1,"__proto__":2}')).toEqual([
      '1:12 a policy has no "constructor"',
      '1:28 a policy has no "__proto__"',
    ]);
  });
});

it('host bits are only a warning, as the field takes them', () => {
  const { document, warnings } = parsePolicy(
    '{"hosts": {"web": "10.20.10.1/29"}, "acls": [{"action":"accept","src":["10.0.0.1/8"],"dst":["web:*"]}]}',
  );
  expect(document?.rules[0]?.destinations.map((d) => d.kind === 'prefix' && formatPrefix(d.prefix))).toEqual([
    '10.20.10.0/29',
  ]);
  expect(warnings.map(({ message }) => message)).toEqual([
    '"10.20.10.1/29" has host bits and is taken for 10.20.10.0/29',
    '"10.0.0.1/8" has host bits and is taken for 10.0.0.0/8',
  ]);
});

it('a tag without owners is only a warning: tags come with tokens', () => {
  const { document, warnings } = parsePolicy(acl('"src":["tag:wbe"],"dst":["tag:wbe:*"]'));
  expect(document).not.toBeNull();
  expect(warnings).toEqual([
    {
      line: 1,
      column: 39,
      code: 'warning',
      message: '"tag:wbe" is not in "tagOwners": is it spelled right?',
    },
  ]);
});
