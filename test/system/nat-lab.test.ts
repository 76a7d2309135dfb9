import { afterEach, beforeEach, expect, it } from 'vitest';
import { Internet, type InternetHost, type NatLabKind } from '../support/nat.ts';
import { describeNeeds } from '../support/needs.ts';
import { Lab } from '../support/netns.ts';
import { runOk } from '../support/process.ts';
import { UdpEnd } from '../support/udp-end.ts';

const EVERYBODY = { otherPort: true, otherAddress: true };
const NOBODY = { otherPort: false, otherAddress: false };

//    a ── site (switch) ── home (NAT) ── core ─┬─ one    port 1000, 1001
//                                              └─ two    port 1000
//
// The servers `one` and `two` tell what they see, and send of themselves: what a STUN server does for RFC 5780.
describeNeeds(['root', 'nft'], 'the NATs of the lab', () => {
  let lab: Lab;
  let internet: Internet;
  let one: InternetHost;
  let two: InternetHost;
  let servers: { one: UdpEnd; onePort: UdpEnd; two: UdpEnd };

  beforeEach(async () => {
    lab = new Lab();
    internet = await Internet.open(lab);
    [one, two] = [await internet.host('one'), await internet.host('two')];
    servers = {
      one: await UdpEnd.open(lab, one, one.ip, 1000),
      onePort: await UdpEnd.open(lab, one, one.ip, 1001),
      two: await UdpEnd.open(lab, two, two.ip, 1000),
    };
  });

  afterEach(() => lab.close());

  /** A host behind a NAT, what the servers see of it, and that the NAT lets in these after only `one` port 1000 was sent to. */
  async function behaviour(kind: NatLabKind, lets: { otherPort: boolean; otherAddress: boolean }) {
    const home = await internet.nat('home', { kind });
    const a = await home.host('a');
    const end = await UdpEnd.open(lab, a, a.ip);
    const first = await end.seenBy(one.ip, 1000);
    const [ip, port] = placeOf(first);
    for (const [server, isLetIn] of [
      [servers.onePort, lets.otherPort],
      [servers.two, lets.otherAddress],
    ] as const) {
      if (isLetIn) await end.hears(server, ip, port);
      else expect(await end.hearsNothing(server, ip, port)).toBe(true);
    }
    const seen = [first, await end.seenBy(one.ip, 1001), await end.seenBy(two.ip, 1000)];
    return { home, end, seen, a };
  }

  it.each([
    ['full-cone', EVERYBODY],
    ['restricted-cone', { otherPort: true, otherAddress: false }],
    ['port-restricted-cone', NOBODY],
  ] as const)('%s: one outer port for all destinations, and lets in %o', async (kind, expected) => {
    const { seen, home } = await behaviour(kind, expected);
    expect(new Set(seen)).toEqual(new Set([`${home.ip}|51820`]));
  });

  it('symmetric: another outer port for each destination, and lets in only what was sent to', async () => {
    const { seen, home } = await behaviour('symmetric', NOBODY);
    expect(new Set(seen).size).toBe(3);
    for (const place of seen) expect(placeOf(place)[0]).toBe(home.ip);
  });

  it.each(['full-cone', 'port-restricted-cone'] as const)(
    '%s: rebooted, it has forgotten who was sent to, and gives another port where one is asked for',
    async (kind) => {
      const { home, end, seen } = await behaviour(kind, kind === 'full-cone' ? EVERYBODY : NOBODY);
      const [ip, port] = placeOf(seen[0] as string);
      await end.hears(servers.one, ip, port);
      await home.reboot();
      expect(await end.hearsNothing(servers.one, ip, port)).toBe(true);
      expect(await end.seenBy(one.ip, 1000)).toBe(`${ip}|${port}`);
      if (kind !== 'port-restricted-cone') return;
      await home.reboot(40_123);
      for (const [server, to] of [
        [one, 1000],
        [two, 1000],
      ] as const)
        expect(await end.seenBy(server.ip, to)).toBe(`${ip}|40123`);
      expect(await end.hearsNothing(servers.one, ip, port)).toBe(true);
      await end.hears(servers.one, ip, 40_123);
    },
  );

  it('two hosts behind two port-restricted NATs reach each other once both have sent', async () => {
    const [left, right] = [
      await internet.nat('left', { kind: 'port-restricted-cone' }),
      await internet.nat('right', { kind: 'port-restricted-cone' }),
    ];
    const [a, b] = [await left.host('a'), await right.host('b')];
    const [aEnd, bEnd] = [await UdpEnd.open(lab, a, a.ip), await UdpEnd.open(lab, b, b.ip)];
    // The port that is expected is given even where a datagram from outside came first.
    expect(await bEnd.hearsNothing(aEnd, right.ip, 51820)).toBe(true);
    await aEnd.hears(bEnd, left.ip, 51820);
    await bEnd.hears(aEnd, right.ip, 51820);
    expect(bEnd.heard.at(-1)).toMatchObject({ ip: left.ip, port: 51820 });
  });

  it.each([true, false])(
    'hosts behind one NAT reach each other by their outer addresses if it hairpins: %s',
    async (hairpin) => {
      const home = await internet.nat('home', { kind: 'port-restricted-cone', hairpin });
      const [a, b] = [await home.host('a'), await home.host('b')];
      const [aEnd, bEnd] = [await UdpEnd.open(lab, a, a.ip, 5001), await UdpEnd.open(lab, b, b.ip, 5002)];
      const places = [await aEnd.seenBy(one.ip, 1000), await bEnd.seenBy(one.ip, 1000)].map(placeOf);
      const [outerA, outerB] = places as [[string, number], [string, number]];
      for (const [end, from, outer] of [
        [bEnd, aEnd, outerB],
        [aEnd, bEnd, outerA],
      ] as const) {
        if (hairpin) await end.hears(from, ...outer);
        else expect(await end.hearsNothing(from, ...outer)).toBe(true);
      }
      if (hairpin) expect(bEnd.heard.at(-1)).toMatchObject({ ip: places[0]?.[0], port: places[0]?.[1] });
      // Inside, they need no NAT.
      await bEnd.hears(aEnd, b.ip, 5002);
    },
  );

  it('two in a row: the outermost address is seen', async () => {
    const carrier = await internet.nat('carrier', { kind: 'port-restricted-cone' });
    const home = await internet.nat('home', { kind: 'port-restricted-cone', behind: carrier });
    const a = await home.host('a');
    const end = await UdpEnd.open(lab, a, a.ip);
    expect(await end.seenBy(one.ip, 1000)).toBe(`${carrier.ip}|51820`);
    expect(await end.seenBy(two.ip, 1000)).toBe(`${carrier.ip}|51820`);
  });

  it('blocked: no UDP passes in either family, TCP and ICMP do; allowed again it does', async () => {
    const { home, end, a } = await behaviour('port-restricted-cone', NOBODY);
    await home.blockUdp();
    expect(await servers.one.hearsNothing(end, one.ip, 1000)).toBe(true);
    await a.runOk('ping', ['-n', '-c1', '-W15', one.ip]);
    await a.runOk('ping', ['-n', '-c1', '-W15', one.ip6]);
    await home.blockUdp(false);
    await servers.one.hears(end, one.ip, 1000);
  });

  it('loses the share of datagrams that is asked for', async () => {
    const { home, end } = await behaviour('port-restricted-cone', NOBODY);
    await home.lose(50);
    const before = servers.one.heard.length;
    for (let i = 0; i < 400; i++) end.send(one.ip, 1000, `packet ${i}`);
    // They leave in this order: when this one has its answer, all of them were sent.
    await end.seenBy(one.ip, 1001);
    await home.lose(0);
    await servers.one.hears(end, one.ip, 1000);
    const arrived = servers.one.heard.length - before;
    expect(arrived).toBeGreaterThan(120);
    expect(arrived).toBeLessThan(400);
  });

  it('IPv6 passes untranslated, behind a firewall that lets in only answers', async () => {
    const home = await internet.nat('home', { kind: 'symmetric' });
    const a = await home.host('a');
    const end = await UdpEnd.open(lab, a, a.ip6);
    const server = await UdpEnd.open(lab, one, one.ip6, 1000);
    expect(await end.hearsNothing(server, a.ip6, 51820)).toBe(true);
    expect(await end.seenBy(one.ip6, 1000)).toBe(`${a.ip6}|51820`);
    await end.hears(server, a.ip6, 51820);
    expect(await runOk('ip', ['netns', 'list'])).toContain(a.namespace);
  });
});

function placeOf(text: string): [string, number] {
  const [ip, port] = text.split('|') as [string, string];
  return [ip, Number(port)];
}
