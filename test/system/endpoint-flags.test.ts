/**
 * What the user tells of this host's outside: a port that the NAT forwards, a STUN server of his own.
 *
 *     a ── symmetric NAT ──┐                ┌── symmetric NAT ── b
 *                          ├──── core ──────┤
 *     coordinator ─────────┘                └── coturn
 */
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { TestAgent, TestCoordinator } from '../support/mesh.ts';
import { Internet } from '../support/nat.ts';
import { describeNeeds } from '../support/needs.ts';
import { Lab } from '../support/netns.ts';
import { waitFor } from '../support/wait-for.ts';

describeNeeds(['root', 'tun', 'nft', 'turnserver'], 'the flags --endpoint and --stun', () => {
  it('a forwarded port makes a direct path between two hard NATs, and a foreign STUN server tells the outer address', async () => {
    await using lab = new Lab();
    const internet = await Internet.open(lab);
    const host = await internet.host('coord', 4);
    const foreign = await internet.host('coturn', 4);
    const nats = [
      await internet.nat('a-nat', { kind: 'symmetric', ipv4Only: true }),
      await internet.nat('b-nat', { kind: 'symmetric', ipv4Only: true }),
    ] as const;
    const [hostA, hostB] = [await nats[0].host('a'), await nats[1].host('b')];
    foreign.spawn('turnserver', [
      ...['-n', '-S', '--no-cli', '--no-tls', '--no-dtls', '--log-file', 'stdout', '-p', '3478'],
      ...['--pidfile', join(lab.directory('coturn'), 'pid'), '-L', foreign.ip],
    ]);
    await waitFor('coturn to listen', async () => (await foreign.runOk('ss', ['-Hlun'])).includes(':3478'));
    // The coordinator's own STUN is not to be had: nothing but the flags tells of the outside.
    const closed = 'udp dport { 3478, 3479 } drop';
    await host.runOk('nft', [
      `table ip closed { chain input { type filter hook input priority 0; ${closed}; }; }`,
    ]);
    const forwarded = `iifname "${nats[0].outside}" udp dport 5000 dnat to ${hostA.ip}:51820`;
    await nats[0].router.runOk('nft', [
      `table ip forwarded { chain prerouting { type nat hook prerouting priority dstnat - 5; ${forwarded}; }; }`,
    ]);
    const coordinator = new TestCoordinator(host, lab.directory('coordinator'));
    await coordinator.start();
    const a = new TestAgent(hostA, 'a', join(lab.directory('a'), 'state'));
    const b = new TestAgent(hostB, 'b', join(lab.directory('b'), 'state'));
    const endpoint = `${nats[0].ip}:5000`;
    await a.join(await coordinator.token(), '--listen-port', '51820');
    await b.join(await coordinator.token(), '--stun', foreign.ip);
    await a.knows(1);
    const [address] = (await b.addresses()) as [string];
    expect(await a.pings(address)).toBe(true);
    await waitFor('coturn to be asked', async () =>
      (await b.status()).self.endpoints.some((one) => one.startsWith(`${nats[1].ip}:`)),
    );
    expect((await a.status()).self.endpoints).not.toContain(endpoint);
    expect((await a.status()).peers[0]?.path).toBe('relay');

    expect(await a.stop()).toBe(0);
    await a.up('--endpoint', endpoint);
    await waitFor('the forwarded port to be used', async () => {
      await b.pings((await a.addresses())[0] as string, 1);
      return (await b.status()).peers[0]?.endpoint === endpoint;
    });
    expect((await a.status()).self.endpoints).toContain(endpoint);
    // It is kept for the next time.
    expect(await a.stop()).toBe(0);
    await a.up();
    await waitFor('the endpoint', async () => (await a.status()).self.endpoints.includes(endpoint));
  });

  it.each([
    ['--endpoint', 'example.com:5000', /expected ADDRESS:PORT, IPv6 in brackets/],
    ['--endpoint', '192.0.2.1', /expected ADDRESS:PORT, IPv6 in brackets/],
    ['--endpoint', '127.0.0.1:5000', /expected the address of one host/],
    ['--stun', 'example.com:0', /expected HOST or HOST:PORT, IPv6 in brackets/],
    ['--stun', '2001:db8::1', /expected HOST or HOST:PORT, IPv6 in brackets/],
  ])('%s %s is refused in one line', async (flag, value, message) => {
    await using lab = new Lab();
    const agent = new TestAgent(await lab.host('a'), 'a', join(lab.directory('a'), 'state'));
    const { status, stderr } = await agent.run('up', flag, value);
    expect(status).toBe(2);
    expect(stderr).toMatch(message);
  });
});
