/**
 * What every driver must carry, whichever way it moves packets: one suite, run by both.
 *
 *     a (eth0 192.0.2.1, 2001:db8::1) ──── b (eth0 192.0.2.2, 2001:db8::2)
 *       tunnel 10.9.0.1, fd09::1             tunnel 10.9.0.2, fd09::2
 */
import { createHash, randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describeNeeds } from '../support/needs.ts';
import { Lab } from '../support/netns.ts';
import {
  addPeer,
  cabledHosts,
  onlyPeer,
  PORT,
  ping,
  startTunnel,
  type TunnelEnd,
} from '../support/tunnels.ts';
import { waitFor } from '../support/wait-for.ts';

const DRIVERS = ['linux', 'linux, 2 workers', 'portable'] as const;
const MTU = 1420;

describeNeeds(['root', 'tun', 'wg', 'ncat'], 'drivers', () => {
  describe.each(DRIVERS)('the %s driver', (driver) => {
    const lab = new Lab();
    let a: TunnelEnd;
    let b: TunnelEnd;

    beforeAll(async () => {
      const [hostA, hostB] = await cabledHosts(lab);
      a = await startTunnel(lab, hostA, driver, 1);
      b = await startTunnel(lab, hostB, driver, 2);
      await addPeer(a, b, { endpoint: `192.0.2.2:${PORT}` });
      await addPeer(b, a);
    });
    afterAll(() => lab.close());

    it.each([
      ['IPv4', '192.0.2.2'],
      ['IPv6', '[2001:db8::2]'],
    ])('carries both inner families over %s', async (_, outer) => {
      await a.host.runOk('wg', ['set', a.device, 'peer', b.publicKey, 'endpoint', `${outer}:${PORT}`]);
      await ping(a, b.inner4);
      await ping(a, b.inner6);
      // The other end has roamed to where the packets come from.
      expect((await onlyPeer(b)).endpoint).toContain(outer.includes(':') ? '[2001:db8::1]' : '192.0.2.1');
      await ping(b, a.inner4);
      await ping(b, a.inner6);
    });

    it('carries over link-local addresses, by the interface of their zone', async () => {
      for (const [host, address] of [
        [a.host, 'fe80::a'],
        [b.host, 'fe80::b'],
      ] as const) {
        await host.ip(`-6 address add ${address}/64 dev eth0 nodad`);
        // A decoy whose route to link-local addresses comes before that of the cable, for whoever forgets the zone.
        await host.ip('link add decoy type bridge');
        await host.ip('link set decoy up');
        await host.ip('-6 route replace fe80::/64 dev decoy metric 1');
      }
      await a.host.runOk('wg', [
        ...['set', a.device, 'peer', b.publicKey, 'endpoint', `[fe80::b%eth0]:${PORT}`],
      ]);
      await ping(a, b.inner4);
      expect((await onlyPeer(b)).endpoint).toMatch(/^\[fe80:.*%eth0\]/);
      await ping(b, a.inner6);
    });

    it('SEC-24: carries packets of every size up to the MTU, do not fragment', async () => {
      // ping's payload is 28 bytes less than the packet; a sweep in steps that meet every remainder of 16.
      const sizes = [0, ...Array.from({ length: 24 }, (_, i) => 1 + i * 59), MTU - 29, MTU - 28];
      for (const size of sizes) await ping(a, b.inner4, '-M', 'do', '-s', String(size));
    });

    it('tells of packets that are larger than the MTU', async () => {
      const { status, stdout, stderr } = await a.host.run('ping', [
        ...['-n', '-c1', '-W1', '-M', 'do', '-s', String(MTU - 27), b.inner4],
      ]);
      expect(status).not.toBe(0);
      expect(stdout + stderr).toMatch(/message too long|Frag needed/i);
    });

    it('carries fragments', async () => {
      await ping(a, b.inner4, '-s', '20000');
      await ping(b, a.inner6, '-s', '20000');
    });

    it.each([
      ['tcp', '4'],
      ['tcp', '6'],
    ])('SEC-28: %s over inner IPv%s arrives to the byte', async (_, family) => {
      const size = driver === 'portable' ? 3_000_000 : 30_000_000;
      const data = randomBytes(size);
      const folder = lab.directory('transfer');
      const [sent, received] = [join(folder, 'sent'), join(folder, 'received')];
      writeFileSync(sent, data);
      const address = family === '4' ? b.inner4 : b.inner6;
      const server = b.host.spawn('sh', ['-c', `ncat -${family} -l ${address} 9000 > ${received}`]);
      await waitFor(
        'the server',
        async () => (await b.host.run('ss', ['-Hltn', 'sport = :9000'])).stdout !== '',
      );
      await a.host.runOk('sh', ['-c', `ncat --send-only ${address} 9000 < ${sent}`], { timeout: 60_000 });
      await server.exited;
      expect(createHash('sha256').update(readFileSync(received)).digest('hex')).toBe(
        createHash('sha256').update(data).digest('hex'),
      );
    });

    it('ends with 0 on SIGTERM and takes its interface and socket along', async () => {
      expect(await a.child.end('SIGTERM')).toBe(0);
      expect((await a.host.run('ip', ['link', 'show', a.device])).status).not.toBe(0);
      expect((await a.host.run('wg', ['show', a.device])).status).not.toBe(0);
    });

    it('ends with 0 when somebody deletes its interface', async () => {
      await b.host.ip(`link delete ${b.device}`);
      expect(await b.child.exited).toBe(0);
    });
  });

  it('a name that is taken, a port that is taken, and a wrong flag are told in one line', async () => {
    await using lab = new Lab();
    const [host, other] = await cabledHosts(lab);
    const end = await startTunnel(lab, host, 'linux', 1);
    await startTunnel(lab, other, 'linux', 2);
    const agent = end.child.command.split(' ').find((word) => word.endsWith('bin/agent')) as string;

    const taken = await host.run(agent, ['tunnel', end.device]);
    expect(taken).toMatchObject({ status: 1 });
    expect(taken.stderr.trim().split('\n')).toHaveLength(1);
    expect(taken.stderr).toMatch(/exists already.*choose another name/);

    const second = host.spawn(agent, ['tunnel', lab.interfaceName()]);
    const name = (await second.waitForOutput(/^(\S+) is up/m))[1] as string;
    const busy = await host.run('wg', ['set', name, 'fwmark', '0x2a', 'listen-port', String(PORT)]);
    expect(busy.stderr).toMatch(/Address already in use/);
    expect(await host.runOk('wg', ['show', name, 'fwmark'])).toBe('off\n');
    await host.runOk('wg', ['set', name, 'fwmark', '0x2a', 'listen-port', '0']);
    expect(await host.runOk('wg', ['show', name, 'fwmark'])).toBe('0x2a\n');

    expect(await host.run(agent, ['tunnel', 'x', '--mtu', 'many'])).toMatchObject({ status: 2 });
  });
});
