/**
 * The Linux driver with each offload switched off, against one that has them all: what the applications see is the same.
 *
 *     a (192.0.2.1) ──── b (192.0.2.2)        tunnel: a 10.9.0.1, fd09::1 with an offload off; b 10.9.0.2, fd09::2 with all
 */
import { createHash, randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { OffloadName, TunnelFacts } from '../../agent/tunnel/commands.ts';
import { describeNeeds } from '../support/needs.ts';
import { Lab, type TestHost } from '../support/netns.ts';
import { runOk } from '../support/process.ts';
import { cabledHosts, PORT } from '../support/tunnels.ts';
import { DATAGRAMS, expectedDigest, type UdpArrival } from '../support/udp-batches.ts';
import { waitFor } from '../support/wait-for.ts';

const SUPPORT = join(import.meta.dirname, '../support');
const ALL: readonly OffloadName[] = ['tun-tso', 'tun-uso', 'udp-gso', 'udp-gro'];

interface End {
  host: TestHost;
  device: string;
  publicKey: string;
  facts: TunnelFacts;
  inner4: string;
  inner6: string;
}

async function startEnd(lab: Lab, host: TestHost, index: number, off: readonly OffloadName[]): Promise<End> {
  const device = lab.interfaceName('wo');
  const script = join(SUPPORT, 'offload-tunnel.ts');
  const child = host.spawn(process.execPath, [script, device, off.join(',')]);
  const facts = JSON.parse((await child.waitForOutput(/^(\{.*\})$/m))[1] as string) as TunnelFacts;
  const key = randomBytes(32).toString('base64');
  const file = join(lab.directory('key'), 'private');
  writeFileSync(file, key, { mode: 0o600 });
  await host.runOk('wg', ['set', device, 'private-key', file, 'listen-port', String(PORT)]);
  const [inner4, inner6] = [`10.9.0.${index}`, `fd09::${index}`];
  await host.ip(`address add ${inner4}/24 dev ${device}`);
  await host.ip(`link set ${device} up`);
  await host.ip(`address add ${inner6}/64 dev ${device} nodad`);
  const publicKey = (await runOk('wg', ['pubkey'], { input: key })).trim();
  return { host, device, publicKey, facts, inner4, inner6 };
}

async function connect(from: End, to: End, endpoint: string): Promise<void> {
  await from.host.runOk('wg', [
    ...['set', from.device, 'peer', to.publicKey, 'endpoint', endpoint],
    ...['allowed-ips', `${to.inner4}/32,${to.inner6}/128`],
  ]);
}

describeNeeds(['root', 'tun', 'wg', 'ncat'], 'SEC-28: offloads', () => {
  describe.each<[string, OffloadName[]]>([
    ['none', []],
    ...ALL.map((name): [string, OffloadName[]] => [name, [name]]),
    ['all', [...ALL]],
  ])('left off: %s', (_, off) => {
    const lab = new Lab();
    let a: End;
    let b: End;

    beforeAll(async () => {
      const [hostA, hostB] = await cabledHosts(lab);
      a = await startEnd(lab, hostA, 1, off);
      b = await startEnd(lab, hostB, 2, []);
      await connect(a, b, `192.0.2.2:${PORT}`);
      await connect(b, a, `192.0.2.1:${PORT}`);
    });
    afterAll(() => lab.close());

    it('says which offloads are at work', () => {
      for (const name of off) expect(a.facts.offloads[name]).toBe(false);
      // UDP's superpackets need the TUN's checksum offload, which goes with TCP's.
      if (off.includes('tun-tso')) expect(a.facts.offloads['tun-uso']).toBe(false);
      const refused = a.facts.notes.length > 0;
      if (!refused && off.length === 0) expect(Object.values(a.facts.offloads)).not.toContain(false);
    });

    it.each(['there', 'back'])('TCP over both families arrives to the byte: %s', async (direction) => {
      const [from, to] = direction === 'there' ? [a, b] : [b, a];
      const data = randomBytes(8_000_000);
      const folder = lab.directory('transfer');
      const sent = join(folder, 'sent');
      writeFileSync(sent, data);
      for (const address of [to.inner4, to.inner6]) {
        const received = join(folder, 'received');
        const family = address.includes(':') ? '-6' : '-4';
        const server = to.host.spawn('sh', ['-c', `ncat ${family} -l ${address} 9000 > ${received}`]);
        await waitFor(
          'the server',
          async () => (await to.host.run('ss', ['-Hltn', 'sport = :9000'])).stdout !== '',
        );
        await from.host.runOk('sh', ['-c', `ncat --send-only ${address} 9000 < ${sent}`], {
          timeout: 60_000,
        });
        await server.exited;
        const digest = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
        expect(digest(readFileSync(received))).toBe(digest(data));
      }
    });

    it.each([
      ['there', 4],
      ['there', 6],
      ['back', 4],
      ['back', 6],
    ] as const)('UDP datagrams arrive whole and in order: %s over IPv%i', async (direction, family) => {
      const [from, to] = direction === 'there' ? [a, b] : [b, a];
      const script = join(SUPPORT, 'udp-batches.ts');
      await from.host.runOk('ping', ['-n', '-c1', '-W5', family === 4 ? to.inner4 : to.inner6]);
      const receiver = to.host.spawn(process.execPath, [script, 'receive', String(family)]);
      const port = (await receiver.waitForOutput(/^(\d+)$/m))[1] as string;
      const address = family === 4 ? to.inner4 : to.inner6;
      await from.host.runOk(process.execPath, [script, 'send', address, port]);
      const line = (await receiver.waitForOutput(/^(\{.*\})$/m))[1] as string;
      const arrival = JSON.parse(line) as UdpArrival;
      expect(arrival.datagrams).toBe(DATAGRAMS);
      expect(arrival.digest).toBe(expectedDigest());
      // With the offload a superpacket goes all the way from one application to the other.
      if (off.length === 0 && a.facts.offloads['tun-uso']) expect(arrival.coalesced).toBeGreaterThan(0);
    });
  });
});
