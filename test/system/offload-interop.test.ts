/**
 * With wireguard-go at both ends of the offload spectrum: the one of 2022 that Debian 12 has knows none; those since 2023 have
 * segmentation and coalescing of TCP, and those since 2024 of UDP. Bytes and datagrams arrive as they were sent.
 *
 * The newer one is looked for where the benchmark unpacks it, or at WARREN_TEST_WIREGUARD_GO; without one its suite is left out.
 */
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describeNeeds } from '../support/needs.ts';
import { Lab } from '../support/netns.ts';
import {
  addPeer,
  cabledHosts,
  type Implementation,
  PORT,
  ping,
  startTunnel,
  type TunnelEnd,
} from '../support/tunnels.ts';
import { DATAGRAMS, expectedDigest, type UdpArrival } from '../support/udp-batches.ts';
import { waitFor } from '../support/wait-for.ts';

const BATCHES = join(import.meta.dirname, '../support/udp-batches.ts');
const CACHE = join(import.meta.dirname, '../../node_modules/.cache/warren-bench');
const unpacked = ['forky', 'trixie']
  .map((release) => join(CACHE, release, 'wireguard-go/usr/bin/wireguard-go'))
  .find((path) => existsSync(path));
// Not `??=`: of undefined it would make the word.
if (unpacked !== undefined) process.env.WARREN_TEST_WIREGUARD_GO ??= unpacked;

/** Milliseconds between bursts: wireguard-go of 2022 leaves its socket the kernel's default buffer, which holds few of them. */
const PAUSE = '10';

const digest = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

function suite(theirs: Implementation): void {
  describe.each<Implementation>(['linux', 'portable'])('Warren, driver %s', (ours) => {
    const lab = new Lab();
    let a: TunnelEnd;
    let b: TunnelEnd;
    beforeAll(async () => {
      const [hostA, hostB] = await cabledHosts(lab);
      a = await startTunnel(lab, hostA, ours, 1);
      b = await startTunnel(lab, hostB, theirs, 2);
      await addPeer(a, b, { endpoint: `192.0.2.2:${PORT}` });
      await addPeer(b, a);
      await ping(a, b.inner4);
      await ping(b, a.inner6);
    });
    afterAll(() => lab.close());

    const ways = ['from us', 'to us'].flatMap((way) => ([4, 6] as const).map((family) => ({ way, family })));
    const ends = (way: string): [TunnelEnd, TunnelEnd] => (way === 'from us' ? [a, b] : [b, a]);

    it.each(ways)('TCP over IPv$family $way arrives to the byte', async ({ way, family }) => {
      const [from, to] = ends(way);
      const address = family === 4 ? to.inner4 : to.inner6;
      const folder = lab.directory('stream');
      const data = randomBytes(5_000_001);
      writeFileSync(join(folder, 'sent'), data);
      const server = to.host.spawn('sh', [
        '-c',
        `exec ncat -${family} -l ${address} 9000 > ${folder}/received`,
      ]);
      await waitFor(
        'the server',
        async () => (await to.host.run('ss', ['-Hltn', 'sport = :9000'])).stdout !== '',
      );
      await from.host.runOk('sh', ['-c', `ncat --send-only ${address} 9000 < ${folder}/sent`], {
        timeout: 60_000,
      });
      await server.exited;
      expect(digest(readFileSync(join(folder, 'received')))).toBe(digest(data));
    });

    // The portable driver has no queue that takes a burst as large.
    it.runIf(ours === 'linux').each(ways)(
      'UDP of odd sizes over IPv$family $way arrives whole and in order',
      async ({ way, family }) => {
        const [from, to] = ends(way);
        const receiver = to.host.spawn(process.execPath, [BATCHES, 'receive', String(family)]);
        const port = (await receiver.waitForOutput(/^(\d+)$/m))[1] as string;
        await from.host.runOk(process.execPath, [
          BATCHES,
          'send',
          family === 4 ? to.inner4 : to.inner6,
          port,
          PAUSE,
        ]);
        const line = (await receiver.waitForOutput(/^(\{.*\})$/m))[1] as string;
        expect(JSON.parse(line) as UdpArrival).toMatchObject({
          datagrams: DATAGRAMS,
          digest: expectedDigest(),
        });
      },
    );

    it.each(ways)('fragments over IPv$family $way come back whole', async ({ way, family }) => {
      const [from, to] = ends(way);
      await ping(from, family === 4 ? to.inner4 : to.inner6, '-s', '8001');
    });
  });
}

describeNeeds(
  ['root', 'tun', 'wg', 'wireguard-go', 'ncat'],
  'SEC-28: with a wireguard-go without offloads',
  () => suite('wireguard-go'),
);

const newer = process.env.WARREN_TEST_WIREGUARD_GO;
if (newer === undefined)
  describe.skip('SEC-28: with a wireguard-go with offloads [left out: npm run bench unpacks one]', () =>
    suite('newer wireguard-go'));
else
  describeNeeds(['root', 'tun', 'wg', 'ncat'], 'SEC-28: with a wireguard-go with offloads', () =>
    suite('newer wireguard-go'),
  );
