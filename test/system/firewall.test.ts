/**
 * What nftables makes of the policy, on three hosts and for whoever else is on their wire.
 *
 *     coordinator      laptop           web (tag:web)    db (tag:db)
 *     192.0.2.1        192.0.2.11       192.0.2.12       192.0.2.13
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { explain } from '../../coordinator/network/policy/explain.ts';
import { parsePolicy } from '../../coordinator/network/policy/parse.ts';
import { parseIp } from '../../shared/ip.ts';
import { meshOnOneSwitch, type TestAgent, type TestCoordinator } from '../support/mesh.ts';
import { describeNeeds } from '../support/needs.ts';
import { Lab, type TestHost } from '../support/netns.ts';
import { NETWORK, policyNode } from '../support/policies.ts';
import { runOk } from '../support/process.ts';
import { waitFor } from '../support/wait-for.ts';

const NAMES = ['laptop', 'web', 'db'] as const;
type Name = (typeof NAMES)[number];
const PORTS = [22, 443, 5432];
const TABLE = ['inet', 'warren-warren0'];
const RAW_PACKETS = join(import.meta.dirname, '../support/raw-packets.ts');
const NODE = join(import.meta.dirname, '../../bin/warren-node');

const RULES = {
  web: { action: 'accept', src: ['autogroup:member'], dst: ['tag:web:443'], proto: 'tcp' },
  datagrams: { action: 'accept', src: ['autogroup:member'], dst: ['tag:web:443'], proto: 'udp' },
  ssh: { action: 'accept', src: ['autogroup:member'], dst: ['tag:web:22'], proto: 'tcp' },
  db: { action: 'accept', src: ['tag:web'], dst: ['tag:db:5432', 'tag:db:22'], proto: 'tcp' },
};

/** So many that the firewall finds what applies by lookups, and does not read line by line. */
const FURTHER = Array.from({ length: 12 }, (_, i) => ({
  ...RULES.web,
  src: ['*'],
  dst: [`tag:web:${9_000 + 2 * i}`, `tag:db:${9_001 + 2 * i}-${9_002 + 2 * i}`],
}));

function policyOf(acls: readonly object[]): string {
  const tagOwners = { 'tag:web': ['autogroup:admin'], 'tag:db': ['autogroup:admin'] };
  return JSON.stringify({ tagOwners, acls });
}

describeNeeds(['root', 'tun', 'nft', 'ncat'], 'the firewall', () => {
  const lab = new Lab();
  let coordinator: TestCoordinator;
  let agents: Record<Name, TestAgent>;
  let wire: TestHost;
  const addresses = {} as Record<Name, string[]>;

  beforeAll(async () => {
    ({ coordinator, agents, wire } = await meshOnOneSwitch(lab, NAMES));
    await coordinator.start();
    await agents.laptop.join(await coordinator.token());
    for (const name of ['web', 'db'] as const)
      await agents[name].join(await coordinator.token('--tag', name));
    for (const name of NAMES) {
      await agents[name].knows(2);
      addresses[name] = await agents[name].addresses();
      for (const port of PORTS) {
        for (const family of ['-4', '-6']) {
          agents[name].host.spawn('ncat', [family, '-l', '-k', String(port), '--exec', '/bin/cat']);
        }
      }
      await waitFor('the servers', async () => {
        const listening = await agents[name].host.runOk('ss', ['-Hltn']);
        return PORTS.every(
          (port) => listening.split('\n').filter((line) => line.includes(`:${port} `)).length >= 2,
        );
      });
    }
  });
  afterAll(() => lab.close());

  async function apply(...rules: object[]): Promise<void> {
    const file = join(lab.directory('policy'), 'policy.json');
    writeFileSync(file, policyOf(rules));
    await coordinator.verb('policy', 'apply', file);
  }

  /** Whether a connection comes about within `seconds`. Where one must, waiting long costs nothing. */
  const connects = async (from: Name, to: string, port: number, seconds = 15) =>
    (await agents[from].host.run('ncat', ['-z', '-w', String(seconds), to, String(port)])).status === 0;
  const rulesOf = (name: Name) => agents[name].host.runOk('nft', ['list', 'table', ...TABLE]);
  const counted = async (name: Name, counter: string) =>
    Number(
      /packets (\d+)/.exec(await agents[name].host.runOk('nft', ['list', 'counter', ...TABLE, counter]))?.[1],
    );

  it('SEC-36: without a policy everything passes; once there is one, what is not granted is denied at once', async () => {
    const [web] = addresses.web as [string];
    for (const port of PORTS) expect(await connects('laptop', web, port)).toBe(true);
    await apply(RULES.web, RULES.datagrams, RULES.db);
    await waitFor('SSH to be denied', async () => !(await connects('laptop', web, 22, 1)));
    expect(await connects('laptop', web, 443)).toBe(true);
    expect(await agents.laptop.pings(web, 1)).toBe(false);
  });

  it('SEC-36: for every pair, port and family nftables says what the policy says, of many rules too', async () => {
    const rules = [...FURTHER, RULES.web, RULES.datagrams, RULES.db];
    await apply(...rules);
    for (const name of ['web', 'db'] as const)
      await waitFor('the lookups', async () => /counter name .*map/.test(await rulesOf(name)));
    const cases = NAMES.flatMap((from) =>
      NAMES.filter((to) => to !== from).flatMap((to) => PORTS.map((port) => ({ from, to, port }))),
    );
    const nodes = NAMES.map((name, n) => {
      const [address4, address6] = addresses[name] as [string, string];
      return { ...policyNode(n + 1, { address4, address6, tags: name === 'laptop' ? [] : [name] }), name };
    });
    const { document } = parsePolicy(policyOf(rules));
    const said = cases.map(
      ({ from, to, port }) =>
        explain(document, NETWORK, nodes, [from, to], { protocols: [6], port })?.allowed,
    );
    expect(said.filter(Boolean)).toHaveLength(3);
    for (const family of [0, 1]) {
      const passes = await Promise.all(
        cases.map(({ from, to, port }, i) =>
          connects(from, addresses[to]?.[family] as string, port, said[i] ? 15 : 1),
        ),
      );
      expect(cases.map((one, i) => ({ ...one, passes: passes[i] }))).toEqual(
        cases.map((one, i) => ({ ...one, passes: said[i] })),
      );
    }
  });

  it('what each rule let in is told, and goes on being counted when another rule comes', async () => {
    const [web] = addresses.web as [string];
    const rules = async () =>
      JSON.parse((await agents.web.run('rules', '--json')).stdout) as {
        rules: { id: string; packets: number; services: unknown }[];
        denied: { packets: number };
      };
    await apply(RULES.web);
    await waitFor('the one rule', async () => (await rules()).rules.length === 1);
    expect(await connects('laptop', web, 443)).toBe(true);
    expect(await connects('laptop', web, 22, 1)).toBe(false);
    const before = await rules();
    expect(before.rules[0]?.packets).toBeGreaterThan(0);
    expect(before.denied.packets).toBeGreaterThan(0);
    await apply(RULES.web, RULES.ssh);
    const after = await waitFor('the other rule', async () => {
      const told = await rules();
      return told.rules.length === 2 ? told : null;
    });
    expect(after.rules[0]?.packets).toBeGreaterThanOrEqual(before.rules[0]?.packets as number);
    expect(after.rules[1]?.packets).toBe(0);
    expect(after.denied.packets).toBeGreaterThanOrEqual(before.denied.packets);
    expect((await agents.web.run('rules')).stdout).toMatch(/acls\[0\].*tcp\/443/);
  });

  it('SEC-36: a rule that is taken back ends what stands by it, both ways, within moments; others go on', async () => {
    const [web] = addresses.web as [string];
    await apply(RULES.web, RULES.ssh, RULES.db);
    await waitFor('SSH to be granted', () => connects('laptop', web, 22, 1));
    const talk = (port: number) =>
      agents.laptop.host.spawn('sh', ['-c', `while echo hello; do sleep 0.1; done | ncat ${web} ${port}`]);
    const [cut, kept] = [talk(22), talk(443)];
    for (const child of [cut, kept]) await child.waitForOutput(/hello\nhello/);
    await apply(RULES.web, RULES.db);
    const lengths = () => [cut, kept].map(({ stdout }) => stdout.length) as [number, number];
    await waitFor('the one to stand still while the other goes on', async () => {
      const [before, beforeKept] = lengths();
      await kept.waitForOutput(new RegExp(`^[^]{${beforeKept + 60}}`));
      return lengths()[0] === before;
    });
    for (const child of [cut, kept]) await child.end();
  });

  it('SEC-37: extension headers, fragments and IP within IP pass no rule', async () => {
    await apply(RULES.web, RULES.datagrams);
    await waitFor('datagrams to be granted', async () => /udp (th )?dport 443/.test(await rulesOf('web')));
    const [from, to] = [addresses.laptop as string[], addresses.web as string[]];
    const heard = agents.web.host.spawn('ncat', ['-6', '-u', '-l', '443', '--recv-only']);
    await waitFor('the listener', async () =>
      (await agents.web.host.runOk('ss', ['-Hlun'])).includes(':443'),
    );
    const udp = (text: string) => {
      const data = Buffer.from(text);
      const header = Buffer.alloc(8);
      header.writeUInt16BE(40_000, 0);
      header.writeUInt16BE(443, 2);
      header.writeUInt16BE(8 + data.length, 4);
      return Buffer.concat([header, data]);
    };
    const six = (next: number, payload: Buffer) => {
      const header = Buffer.alloc(40);
      header[0] = 0x60;
      header.writeUInt16BE(payload.length, 4);
      header[6] = next;
      header[7] = 64;
      header.set(parseIp(from[1] as string) as Uint8Array, 8);
      header.set(parseIp(to[1] as string) as Uint8Array, 24);
      return Buffer.concat([header, payload]);
    };
    const withChecksum = (datagram: Buffer) => {
      const pseudo = Buffer.alloc(40);
      pseudo.set(parseIp(from[1] as string) as Uint8Array, 0);
      pseudo.set(parseIp(to[1] as string) as Uint8Array, 16);
      pseudo.writeUInt32BE(datagram.length, 32);
      pseudo[39] = 17;
      const all = Buffer.concat([pseudo, datagram, Buffer.alloc(datagram.length % 2)]);
      let sum = 0;
      for (let i = 0; i < all.length; i += 2) sum += all.readUInt16BE(i);
      while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
      datagram.writeUInt16BE(~sum & 0xffff, 6);
      return datagram;
    };
    const extension = (next: number) => Buffer.from([next, 0, 1, 4, 0, 0, 0, 0]);
    const refused = [
      six(60, Buffer.concat([extension(17), withChecksum(udp('by destination options\n'))])),
      six(
        43,
        Buffer.concat([Buffer.from([17, 0, 4, 0, 0, 0, 0, 0]), withChecksum(udp('by a routing header\n'))]),
      ),
      six(4, Buffer.concat([Buffer.from('4500001c0000400040110000', 'hex'), Buffer.alloc(8), udp('')])),
      six(
        44,
        Buffer.concat([Buffer.from([17, 0, 0, 1, 0, 0, 0, 9]), withChecksum(udp('a fragment alone\n'))]),
      ),
    ];
    const file = join(lab.directory('raw'), 'packets');
    const send = async (packets: Buffer[]) => {
      writeFileSync(file, packets.map((packet) => `${packet.toString('hex')}\n`).join(''));
      await agents.laptop.host.runOk(NODE, [RAW_PACKETS, file]);
    };
    const before = await counted('web', 'denied');
    await send(refused);
    // Whatever was let pass would have come before this one.
    await send([six(17, withChecksum(udp('as it should be\n')))]);
    await heard.waitForOutput(/as it should be/);
    expect(heard.stdout).toBe('as it should be\n');
    // A fragment alone waits for the others, and then is no more.
    expect((await counted('web', 'denied')) - before).toBeGreaterThanOrEqual(3);
    await heard.end();
  });

  it('SEC-39, SEC-40: the overlay’s addresses come by the mesh alone', async () => {
    const [laptop, web] = [addresses.laptop?.[0] as string, addresses.web?.[0] as string];
    const before = await counted('web', 'foreign');
    const { host } = coordinator;
    await host.ip(`route add ${web}/32 via 192.0.2.12`);
    expect((await host.run('ping', ['-n', '-c1', '-W1', web])).status).not.toBe(0);
    const reached = await counted('web', 'foreign');
    expect(reached).toBeGreaterThan(before);
    await host.ip('link set lo up');
    await host.ip(`address add ${laptop}/32 dev lo`);
    await host.run('ping', ['-n', '-c1', '-W1', '-I', laptop, '192.0.2.12']);
    expect(await counted('web', 'foreign')).toBeGreaterThan(reached);
    // Nor does a host of the mesh lead anybody into it, though it forwards.
    await agents.web.host.runOk('sysctl', ['-qw', 'net.ipv4.ip_forward=1']);
    const db = addresses.db?.[0] as string;
    await host.ip(`route add ${db}/32 via 192.0.2.12`);
    expect((await host.run('ping', ['-n', '-c1', '-W1', db])).status).not.toBe(0);
    await agents.web.host.runOk('sysctl', ['-qw', 'net.ipv4.ip_forward=0']);
    expect(wire.children).toEqual([]);
  });

  it('SEC-47: a killed agent leaves it standing, the next start keeps it, and the end takes it away', async () => {
    const web = addresses.web?.[0] as string;
    await agents.web.stop('SIGKILL');
    expect(await rulesOf('web')).toContain('chain incoming');
    await agents.web.up();
    await waitFor('the mesh to be as before', () => connects('laptop', web, 443, 1));
    expect(await connects('laptop', web, 22, 1)).toBe(false);
    expect(await agents.web.stop()).toBe(0);
    expect(await runOk('ip', ['netns', 'exec', agents.web.host.namespace, 'nft', 'list', 'tables'])).toBe('');
  });
});
