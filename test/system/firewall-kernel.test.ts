/**
 * What the kernel makes of filters, held against a plain reading of them: random ones, and raw packets from and to wherever they like.
 *
 *     sender (eth0) ─── host (warren0)
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { firewallRules } from '../../agent/mesh/firewall-rules.ts';
import { anyPacket, fewRules, grantedBy, manyRules, WANTED_FIREWALL } from '../support/filters.ts';
import { describeNeeds } from '../support/needs.ts';
import { Lab, type TestHost } from '../support/netns.ts';
import type { ReadPacket } from '../support/nft-reading.ts';
import { waitFor } from '../support/wait-for.ts';

const RAW_PACKETS = join(import.meta.dirname, '../support/raw-packets.ts');
const NODE = join(import.meta.dirname, '../../bin/warren-node');
const PACKETS = 400;

describeNeeds(['root', 'nft'], 'the kernel', () => {
  const lab = new Lab();
  let sender: TestHost;
  let host: TestHost;
  let file: string;

  beforeAll(async () => {
    file = join(lab.directory('raw'), 'packets');
    sender = await lab.host('sender');
    host = await lab.host('host');
    await lab.link(sender, ['192.0.2.1/24', '2001:db8::1/64'], host, []);
    for (const change of ['down', 'name warren0']) await host.ip(`link set eth0 ${change}`);
    await host.ip('link set warren0 up');
    const [, mac] = /ether (\S+)/.exec(await host.ip('link show warren0')) as unknown as [string, string];
    // Nobody asks for neighbours, as by a tunnel.
    for (const router of ['192.0.2.2', '2001:db8::2']) {
      await sender.ip(`neigh add ${router} lladdr ${mac} dev eth0 nud permanent`);
      await sender.ip(`route add default via ${router}`);
    }
  });
  afterAll(() => lab.close());

  /** What the counters of the table have counted. */
  const counted = async () => {
    const { nftables } = JSON.parse(await host.runOk('nft', ['-j', 'list', 'counters'])) as {
      nftables: { counter?: { name: string; packets: number } }[];
    };
    return new Map(nftables.flatMap(({ counter }) => (counter ? [[counter.name, counter.packets]] : [])));
  };

  it.each([
    ['few rules', fewRules],
    ['many rules', manyRules],
  ])('SEC-36: counts every packet by the rule that a plain reading finds: %s', async (_what, anyRules) => {
    const packets = fc.array(anyPacket, { minLength: PACKETS, maxLength: PACKETS });
    await fc.assert(
      fc.asyncProperty(anyRules, packets, async (rules, sent) => {
        const table = firewallRules({ ...WANTED_FIREWALL, filter: { rules } });
        await host.runOk('nft', ['-f', '-'], { input: table });
        writeFileSync(file, sent.map((packet) => `${rawPacket(packet).toString('hex')}\n`).join(''));
        await sender.runOk(NODE, [RAW_PACKETS, file]);
        const expected = new Map([...rules.map((_, i) => [`rule_${i}`, 0] as const), ['denied', 0]]);
        for (const packet of sent) {
          const position = grantedBy(rules, packet);
          const name = position === null ? 'denied' : `rule_${position}`;
          expected.set(name, (expected.get(name) as number) + 1);
        }
        // The sender has things of its own to say on the wire, which no rule lets in either.
        const denied = expected.get('denied') as number;
        expected.delete('denied');
        const counts = await waitFor('every packet to be counted', async () => {
          const now = await counted();
          const byRules = sum(now) - (now.get('denied') as number);
          return byRules >= sum(expected) && (now.get('denied') as number) >= denied ? now : null;
        });
        for (const name of ['denied', 'foreign', 'unasked']) counts.delete(name);
        expect(counts).toEqual(expected);
      }),
      { numRuns: 4, endOnFailure: true },
    );
  });
});

function sum(counts: ReadonlyMap<string, number>): number {
  return [...counts.values()].reduce((all, count) => all + count, 0);
}

/** With a transport header that begins with the ports, and is a SYN of TCP. */
function rawPacket({ source, destination, protocol, ports }: ReadPacket): Buffer {
  const payload = Buffer.alloc(20);
  payload.writeUInt16BE(ports?.source ?? 0x0800, 0);
  payload.writeUInt16BE(ports?.destination ?? 0, 2);
  if (protocol === 17) payload.writeUInt16BE(payload.length, 4);
  if (protocol === 6) payload.writeUInt16BE(0x5002, 12);
  if (source.length === 4) {
    const header = Buffer.from('450000000000000040000000', 'hex');
    header.writeUInt16BE(40, 2);
    header[9] = protocol;
    return Buffer.concat([header, source, destination, payload]);
  }
  const header = Buffer.from('6000000000000040', 'hex');
  header.writeUInt16BE(payload.length, 4);
  header[6] = protocol;
  return Buffer.concat([header, source, destination, payload]);
}
