import dns from 'dns-packet';
import { describe, expect, it } from 'vitest';
import { zoneAnswer } from '../../../agent/names/answer.ts';
import { type Question, readQuestion } from '../../../agent/names/question.ts';
import { Zone } from '../../../agent/names/zone.ts';
import { aMap, aPeer } from '../../support/map.ts';

const map = aMap([
  aPeer(2, { nodeId: 'o', name: 'oslo', addresses: ['100.64.0.2', 'fd00::2'] }),
  aPeer(2, { nodeId: 'l', name: 'lima', addresses: ['100.64.0.3'] }),
]);
map.self = { ...map.self, name: 'berlin', addresses: ['100.64.0.1', 'fd00::1'] };
map.self.networkPrefixes = ['100.64.0.0/10', 'fd00::/48'];
const zone = new Zone(map);

function ask(name: string, type: string, more: Partial<dns.Packet> = {}): Question {
  const bytes = dns.encode({
    type: 'query',
    id: 7,
    flags: dns.RECURSION_DESIRED,
    questions: [{ name, type: type as 'A' }],
    ...more,
  });
  const question = readQuestion(bytes);
  if (typeof question === 'string' || 'notImplemented' in question) throw new Error(String(question));
  return question;
}

function answerTo(name: string, type: string, byUdp = true) {
  const question = ask(name, type);
  const entry = zone.find(question.name);
  if (entry === null) return null;
  const packet = dns.decode(Buffer.from(zoneAnswer(question, entry, byUdp))) as dns.DecodedPacket & {
    rcode: string;
  };
  return {
    rcode: packet.rcode,
    answers: (packet.answers ?? []).map(
      ({ name: owner, ...rest }) => `${owner} ${rest.type} ${String((rest as { data: unknown }).data)}`,
    ),
    soa: (packet.authorities ?? []).map((each) => each.name),
    authoritative: packet.flag_aa,
    question: packet.questions?.[0]?.name,
  };
}

describe("the network's zone", () => {
  it.each([
    ['oslo.warren', 'A', ['oslo.warren A 100.64.0.2']],
    ['oslo.warren', 'AAAA', ['oslo.warren AAAA fd00::2']],
    ['berlin.warren', 'A', ['berlin.warren A 100.64.0.1']],
    ['oslo.warren', 'ANY', ['oslo.warren A 100.64.0.2', 'oslo.warren AAAA fd00::2']],
    ['warren', 'NS', ['warren NS agent.invalid']],
    ['2.0.64.100.in-addr.arpa', 'PTR', ['2.0.64.100.in-addr.arpa PTR oslo.warren']],
    [
      '2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.d.f.ip6.arpa',
      'PTR',
      ['2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.d.f.ip6.arpa PTR oslo.warren'],
    ],
  ])('has %s %s', (name, type, answers) => {
    expect(answerTo(name, type)).toMatchObject({ rcode: 'NOERROR', answers, authoritative: true, soa: [] });
  });

  it('finds a name in whatever case, and gives the question back as it came', () => {
    expect(answerTo('OsLo.WARREN', 'A')).toMatchObject({
      answers: ['oslo.warren A 100.64.0.2'],
      question: 'OsLo.WARREN',
    });
  });

  it.each([
    ['lima.warren', 'AAAA', 'NOERROR', 'warren'],
    ['oslo.warren', 'TXT', 'NOERROR', 'warren'],
    ['warren', 'A', 'NOERROR', 'warren'],
    ['nobody.warren', 'A', 'NXDOMAIN', 'warren'],
    ['a.oslo.warren', 'A', 'NXDOMAIN', 'warren'],
    ['99.0.64.100.in-addr.arpa', 'PTR', 'NXDOMAIN', '64.100.in-addr.arpa'],
    ['9.2.0.64.100.in-addr.arpa', 'PTR', 'NXDOMAIN', '64.100.in-addr.arpa'],
    ['0.64.100.in-addr.arpa', 'PTR', 'NOERROR', '64.100.in-addr.arpa'],
    ['5.64.100.in-addr.arpa', 'PTR', 'NXDOMAIN', '64.100.in-addr.arpa'],
    ['127.100.in-addr.arpa', 'PTR', 'NOERROR', '127.100.in-addr.arpa'],
    ['2.0.64.100.in-addr.arpa', 'A', 'NOERROR', '64.100.in-addr.arpa'],
  ])('has nothing at %s %s: %s', (name, type, rcode, soa) => {
    expect(answerTo(name, type)).toMatchObject({ rcode, answers: [], soa: [soa] });
  });

  it.each([
    'example.com',
    'xwarren',
    'warren.example',
    '',
    '1.128.100.in-addr.arpa',
    '100.in-addr.arpa',
    'in-addr.arpa',
    'x.64.100.in-addr.arpa',
    'd.f.ip6.arpa',
    '64.0100.in-addr.arpa',
  ])('has no say in %j', (name) => {
    expect(zone.find(name)).toBeNull();
  });

  it('covers the overlay by reverse zones on whole labels', () => {
    const zones = zone.reverseZones();
    expect(zones.filter((name) => name.endsWith('in-addr.arpa'))).toHaveLength(64);
    expect(zones.slice(0, 2)).toEqual(['64.100.in-addr.arpa', '65.100.in-addr.arpa']);
    expect(zones.at(-1)).toBe('0.0.0.0.0.0.0.0.0.0.d.f.ip6.arpa');
    for (const name of zones) expect(zone.find(name)?.apex).toBe(name);
  });

  it('keeps its own name and address when a peer claims them', () => {
    const claimed = new Zone({ ...map, peers: [aPeer(2, { name: 'berlin', addresses: ['100.64.0.1'] })] });
    expect(claimed.find('berlin.warren')?.records?.addresses).toEqual(['100.64.0.1', 'fd00::1']);
  });

  it('is what the network calls it', () => {
    const renamed = new Zone({
      ...map,
      self: { ...map.self, dns: { zone: 'Mesh.Example', resolvers: [], split: [] } },
    });
    expect(renamed.find('oslo.mesh.example')?.records?.addresses).toHaveLength(2);
    expect(renamed.find('oslo.warren')).toBeNull();
  });
});

describe('an answer', () => {
  const many = new Zone({
    ...map,
    peers: [
      aPeer(2, { name: 'many', addresses: Array.from({ length: 60 }, (_, index) => `100.64.1.${index}`) }),
    ],
  });
  const length = (question: Question, byUdp: boolean) => {
    const bytes = zoneAnswer(question, many.find('many.warren') as never, byUdp);
    return { truncated: ((bytes[2] as number) & 2) !== 0, length: bytes.length };
  };
  const edns = (size: number) => ({
    additionals: [
      { type: 'OPT', name: '.', udpPayloadSize: size, flags: 0, options: [] } as unknown as dns.Answer,
    ],
  });

  it.each([
    ['without EDNS at 512', {}, 29],
    ['at what the asker takes, which is no less than 512', edns(100), 40],
    ['at 1232 whatever the asker takes', edns(65_535), 40],
  ])('by UDP is truncated %s', (_name, more, size) => {
    expect(length(ask('many.warren', 'A', more), true)).toEqual({ truncated: true, length: size });
  });

  it('by TCP is whole', () => {
    expect(length(ask('many.warren', 'A'), false)).toEqual({ truncated: false, length: 29 + 60 * 27 });
  });
});
