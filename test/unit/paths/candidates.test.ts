import { beforeAll, describe, expect, it } from 'vitest';
import { isLocal, isProbeable } from '../../../agent/paths/address-class.ts';
import { type Candidate, usableCandidates } from '../../../agent/paths/candidate.ts';
import { MAX_CANDIDATES, ROUNDS } from '../../../agent/paths/constants.ts';
import { isRelay, relayAddress, relaySlot } from '../../../agent/paths/relay-address.ts';
import { cryptoReady } from '../../../agent/wireguard/crypto.ts';
import { type Prefix, parsePrefix } from '../../../shared/prefix.ts';
import { pair, udp } from './ends.ts';

beforeAll(cryptoReady);

const OVERLAY = ['100.64.0.0/10', 'fd00:77::/48'].map((text) => parsePrefix(text) as Prefix);
const candidate = (text: string, kind: Candidate['kind'] = 'interface'): Candidate => ({
  kind,
  address: udp(text),
});

/** What one node may say of itself so that others probe where they should not. */
const FORBIDDEN = [
  '127.0.0.1:51820',
  '127.1.2.3:53',
  '0.0.0.0:51820',
  '0.1.2.3:51820',
  '224.0.0.1:51820',
  '239.255.255.250:1900',
  '240.0.0.1:51820',
  '255.255.255.255:51820',
  '[::1]:51820',
  '[::]:51820',
  '[ff02::1]:51820',
  '[ff0e::1]:51820',
  '[::ffff:127.0.0.1]:51820',
  '[::7f00:1]:51820',
  '[fe80::1]:51820',
  '[100::5]:51820',
  '100.64.0.7:51820',
  '100.127.255.255:51820',
  '[fd00:77::7]:51820',
];

describe('SEC-35: candidates', () => {
  it.each(FORBIDDEN)('%s is never probed', (text) => {
    expect(usableCandidates([candidate(text)], OVERLAY, MAX_CANDIDATES)).toEqual([]);
    const [a] = pair();
    a.paths.setOverlay(OVERLAY);
    a.paths.setCandidates(1, [candidate(text)], 0);
    a.paths.traffic(1, 0);
    a.runUntil(10_000);
    expect(a.takeProbes()).toEqual([]);
  });

  it.each([
    '192.168.1.1:1',
    '10.0.0.1:65535',
    '203.0.113.9:51820',
    '100.63.255.255:9',
    '100.128.0.1:9',
    '[2001:db8::1]:51820',
    '[fd12::1]:51820',
  ])('%s may be', (text) => {
    expect(usableCandidates([candidate(text)], OVERLAY, MAX_CANDIDATES)).toHaveLength(1);
  });

  it('link-local IPv6 needs an interface, and port 0 is nowhere', () => {
    const local = udp('[fe80::1]:51820');
    expect(isProbeable(local)).toBe(false);
    local.scope = 3;
    expect(isProbeable(local)).toBe(true);
    local.port = 0;
    expect(isProbeable(local)).toBe(false);
  });

  it('10,000 of one node: sixteen are probed, those seen from outside first, each at most once a round', () => {
    const [a] = pair();
    const many = Array.from({ length: 10_000 }, (_, i) => candidate(`10.${i >> 8}.${i & 255}.1:7`));
    const outside = candidate('203.0.113.5:7', 'reflexive');
    a.paths.setCandidates(1, [...many, outside, ...many], 0);
    a.paths.traffic(1, 0);
    a.runUntil(3_500);
    const probes = a.takeProbes();
    const targets = new Set(probes.map(({ target }) => `${target.word0}:${target.port}`));
    expect(targets.size).toBe(MAX_CANDIDATES);
    expect(probes.some(({ target }) => target.equals(outside.address))).toBe(true);
    expect(probes.length).toBe(MAX_CANDIDATES * ROUNDS.length);
  });

  it('that come anew all the time do not pile up', () => {
    const [a] = pair();
    a.paths.traffic(1, 0);
    for (let i = 0; i < 500; i++)
      a.paths.setCandidates(
        1,
        Array.from({ length: 16 }, (_, n) => candidate(`10.9.${i % 256}.${n + 1}:${i + 1}`)),
        i,
      );
    expect(a.paths.status(1)?.tried.length).toBeLessThanOrEqual(MAX_CANDIDATES);
  });
});

describe('addresses', () => {
  it.each([
    ['10.1.2.3:1', true],
    ['172.16.0.1:1', true],
    ['172.31.255.255:1', true],
    ['172.32.0.1:1', false],
    ['192.168.0.1:1', true],
    ['192.169.0.1:1', false],
    ['169.254.1.1:1', true],
    ['[fd00::1]:1', true],
    ['[fc00::1]:1', true],
    ['[fe80::1]:1', true],
    ['[fec0::1]:1', false],
    ['[2001:db8::1]:1', false],
    ['203.0.113.1:1', false],
  ])('%s belongs to one site: %s', (text, expected) => {
    expect(isLocal(udp(text))).toBe(expected);
  });

  it.each([0, 1, 77, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 40 + 5])('the relay stands for peer %i', (slot) => {
    const address = relayAddress(slot);
    expect(isRelay(address)).toBe(true);
    expect(relaySlot(address)).toBe(slot);
    expect(isProbeable(address)).toBe(false);
  });

  it('nothing else is the relay', () => {
    for (const text of ['[100:0:0:1::1]:1', '[2001:db8::]:1', '1.0.0.0:1', '[101::]:1'])
      expect(isRelay(udp(text))).toBe(false);
  });
});
