import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Internet, type InternetHost, type NatOptions } from '../support/nat.ts';
import { describeNeeds } from '../support/needs.ts';
import { Lab, type TestHost } from '../support/netns.ts';

const END = join(import.meta.dirname, '../support/nat-test-end.ts');

//    host ── NAT of some kind ── core ─┬─ one    STUN on two ports
//                                      └─ two    the same
//
// What the simulation shows of the test, here with Linux' own NATs and real sockets.
describeNeeds(['root', 'nft'], 'the test of the NAT', () => {
  const lab = new Lab();
  let internet: Internet;
  let servers: readonly InternetHost[];

  beforeAll(async () => {
    internet = await Internet.open(lab);
    servers = [await internet.host('one'), await internet.host('two')];
    for (const server of servers) {
      const child = server.spawn(process.execPath, [END, 'serve', server.ip, server.ip6]);
      await child.waitForOutput(/ready/);
    }
  });
  afterAll(() => lab.close());

  async function kindSeenBy(host: TestHost, local: string): Promise<Record<string, unknown>> {
    const [one, two] = servers as [InternetHost, InternetHost];
    const ips = local.includes(':') ? [`[${one.ip6}]`, `[${two.ip6}]`] : [one.ip, two.ip];
    const targets = [`${ips[0]}:3478`, `${ips[0]}:3479`, `${ips[1]}:3478`];
    return JSON.parse(await host.runOk(process.execPath, [END, 'test', local, ...targets]));
  }

  it.each<[NatOptions, object]>([
    [
      { kind: 'full-cone' },
      { mapping: 'endpoint-independent', filtering: 'not by port', keepsPort: true, hairpin: false },
    ],
    [{ kind: 'restricted-cone' }, { mapping: 'endpoint-independent', filtering: 'not by port' }],
    [
      { kind: 'port-restricted-cone', hairpin: true },
      { mapping: 'endpoint-independent', filtering: 'address-and-port-dependent', hairpin: true },
    ],
    [
      { kind: 'port-restricted-cone' },
      { mapping: 'endpoint-independent', filtering: 'address-and-port-dependent', hairpin: false },
    ],
    [
      { kind: 'symmetric' },
      { mapping: 'address-and-port-dependent', filtering: 'address-and-port-dependent', keepsPort: false },
    ],
  ])('behind %o', async (options, expected) => {
    const label = `${options.kind.slice(0, 4)}${options.hairpin ? 'h' : ''}`;
    const nat = await internet.nat(label, options);
    const host = await nat.host(`${label}-a`);
    const kind = await kindSeenBy(host, host.ip);
    expect(kind).toMatchObject(expected);
    for (const seen of kind.seen as string[]) expect(seen).toMatch(new RegExp(`^${nat.ip}:`));
  });

  it('in public there is none, in either family; where UDP is blocked nobody answers', async () => {
    const host = await internet.host('public');
    expect(await kindSeenBy(host, host.ip)).toMatchObject({ mapping: 'none' });
    expect(await kindSeenBy(host, host.ip6)).toMatchObject({ mapping: 'none' });
    const nat = await internet.nat('mute', { kind: 'port-restricted-cone' });
    const inside = await nat.host('mute-a');
    await nat.blockUdp();
    expect(await kindSeenBy(inside, inside.ip)).toMatchObject({ mapping: 'no answer', filtering: 'unknown' });
  });
});
