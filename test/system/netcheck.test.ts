/**
 * What netcheck, status and ping say where this host stands behind NATs of each kind.
 *
 *     a ── NAT ── core ──┬── coordinator (relay, STUN)
 *                        └── NAT (symmetric) ── b
 */
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { TestAgent, TestCoordinator } from '../support/mesh.ts';
import { Internet, type NatLabKind } from '../support/nat.ts';
import { describeNeeds } from '../support/needs.ts';
import { Lab, type TestHost } from '../support/netns.ts';
import { waitFor } from '../support/wait-for.ts';

interface Place {
  kind: NatLabKind | 'public';
  blocked?: boolean;
  /** Words of netcheck about the NAT, and of status about the path. */
  nat: RegExp;
  path: RegExp;
  pingEnds: RegExp;
}

const DIRECT = /^ {2}b: directly to \S+ for \d+ s: \S.*$/m;

describeNeeds(['root', 'tun', 'nft'], 'what the agent says of its network', () => {
  it.concurrent.each<[string, Place]>([
    [
      'no NAT',
      {
        kind: 'public',
        nat: /no NAT; a firewall may ask for the first packet/,
        path: DIRECT,
        pingEnds: /^b: directly to /m,
      },
    ],
    [
      'a port-restricted cone',
      {
        kind: 'port-restricted-cone',
        nat: /keeps one outer port for all destinations.*port-restricted cone/,
        path: DIRECT,
        pingEnds: /^b: directly to /m,
      },
    ],
    [
      'a hard NAT, as the other has',
      {
        kind: 'symmetric',
        nat: /a hard NAT, with another outer port for each destination/,
        path: /^ {2}b: by relay for \d+ s: \d+ address(es of b were| of b was) tried, and none answered; this host is behind a hard NAT, and b seems to be behind one too\n {4}forward a UDP port/m,
        pingEnds: /^b: by relay for .* hard NAT.*\n {2}for a direct path: forward a UDP port/m,
      },
    ],
    [
      'UDP that is blocked',
      {
        kind: 'port-restricted-cone',
        blocked: true,
        nat: /no STUN server answers: UDP seems to be blocked/,
        path: /^ {2}b: by relay for \d+ s: .*UDP seems to be blocked here\n {4}let UDP out of this network$/m,
        pingEnds: /^b: by relay for .*blocked here\n {2}for a direct path: let UDP out/m,
      },
    ],
  ])('behind %s', async (_what, { kind, blocked = false, nat, path, pingEnds }) => {
    await using lab = new Lab();
    const internet = await Internet.open(lab);
    const host = await internet.host('coord', 4);
    let hostA: TestHost;
    if (kind === 'public') hostA = await internet.host('a', 4);
    else {
      const router = await internet.nat('a-nat', { kind, ipv4Only: true });
      hostA = await router.host('a');
      await router.blockUdp(blocked);
    }
    const far = await internet.nat('b-nat', { kind: 'symmetric', ipv4Only: true });
    const hostB = await far.host('b');
    const coordinator = new TestCoordinator(host, lab.directory('coordinator'));
    await coordinator.start();
    const a = new TestAgent(hostA, 'a', join(lab.directory('a'), 'state'));
    const b = new TestAgent(hostB, 'b', join(lab.directory('b'), 'state'));
    for (const agent of [a, b]) await agent.join(await coordinator.token());
    await a.knows(1);
    const [address] = (await b.addresses()) as [string];
    expect(await a.pings(address)).toBe(true);
    const steady = a.host.spawn('ping', ['-n', '-i', '0.2', address]);
    await waitFor('status to say why', async () => path.test((await a.run('status')).stdout), {
      interval: 250,
    });
    // Between two hard NATs many ports are tried before it is given up.
    const pinged = await waitFor(
      'the way to be settled',
      async () => {
        const result = await a.run('ping', 'b', '-c', '1');
        return result.stdout.includes('while direct ways are tried') ? null : result;
      },
      { interval: 250 },
    );
    expect(pinged.stdout).toMatch(/^b \(100\.64\.0\.\d+\): [\d.]+ ms \(path (relay|direct, \S+)\)$/m);
    expect(pinged.stdout).toMatch(pingEnds);
    const answers = JSON.parse((await a.run('ping', 'b', '-c', '1', '--json')).stdout);
    expect(answers).toMatchObject([{ name: 'b', explanation: expect.any(String) }]);
    await steady.end('SIGINT');
    const checked = await a.run('netcheck');
    expect(checked.status).toBe(0);
    expect(checked.stdout).toMatch(nat);
    expect(checked.stdout).toMatch(/Relays:\n {2}coordinator-[0-9a-f]+: [\d.]+ ms, home/);
    expect(checked.stdout).toMatch(/Coordinator:\n {2}https:\S+: reached/);
    expect(checked.stdout).toMatch(blocked ? /IPv4: no answer/ : /IPv4: 203\.0\.113\.\d+:\d+/);
  });
});
