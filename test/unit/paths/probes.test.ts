import { beforeAll, describe, expect, it } from 'vitest';
import { PROBE_LENGTH } from '../../../agent/paths/messages.ts';
import { cryptoReady } from '../../../agent/wireguard/crypto.ts';
import { type End, looksLikeProbe, pair, type SentProbe, udp } from './ends.ts';

beforeAll(cryptoReady);

const A = udp('192.0.2.1:51820');
const B = udp('192.0.2.2:51820');
const ELSEWHERE = udp('198.51.100.66:6666');

/** `a` has traffic and has probed `b`; its first ping. */
function probing(): { a: End; b: End; ping: SentProbe; invitation: Uint8Array } {
  const [a, b] = pair();
  a.paths.setCandidates(1, [{ kind: 'interface', address: B }], 0);
  a.paths.traffic(1, 0);
  const [ping] = a.takeProbes();
  const [invitation] = a.takeRelayed();
  if (ping === undefined || invitation === undefined) throw new Error('nothing was sent');
  return { a, b, ping, invitation };
}

/** What `b` answers to a ping: the pong, and perhaps a ping of its own. */
function answer(b: End, ping: SentProbe, now = 10): SentProbe {
  b.paths.datagram(0, A, ping.bytes, now);
  const [pong] = b.takeProbes();
  if (pong === undefined) throw new Error('no pong');
  return pong;
}

describe('a probe', () => {
  it('that is answered makes a path, from the first packet on by relay until then', () => {
    const { a, b, ping } = probing();
    expect(a.used).toEqual([null]);
    const pong = answer(b, ping);
    expect(pong.target).toEqual(A);
    a.paths.datagram(0, B, pong.bytes, 20);
    expect(a.used[1]?.address).toEqual(B);
    expect(a.events).toMatchObject([{ kind: 'path-changed', from: null, why: 'answered first' }]);
    expect(a.paths.status(1)).toMatchObject({ path: { class: 'direct', roundTrip: 20 }, changes: 1 });
  });

  it('is never taken for WireGuard or STUN, nor they for it', () => {
    const { ping, invitation } = probing();
    for (const bytes of [ping.bytes, invitation]) {
      expect(looksLikeProbe(bytes)).toBe(true);
      expect(bytes[0]).toBeGreaterThan(4);
      // RFC 8489, section 5: the two most significant bits of every STUN message are zero.
      expect((bytes[0] as number) >> 6).toBe(3);
    }
    for (const type of [1, 2, 3, 4]) {
      const message = new Uint8Array(200);
      message[0] = type;
      expect(looksLikeProbe(message)).toBe(false);
    }
    expect(looksLikeProbe(ping.bytes.subarray(0, PROBE_LENGTH - 1))).toBe(false);
  });

  it('is as long as its answer: nobody gains by forging sources', () => {
    const { b, ping } = probing();
    const before = ping.bytes.length;
    b.paths.datagram(0, A, ping.bytes, 10);
    expect(before).toBe(PROBE_LENGTH);
    for (const { bytes } of b.takeProbes()) expect(bytes.length).toBeLessThanOrEqual(before);
  });

  it('of a host that is no peer is dropped before any cryptography, unanswered', () => {
    const { ping } = probing();
    const [, stranger] = pair();
    stranger.paths.removePeer(1);
    stranger.paths.datagram(0, A, ping.bytes, 10);
    expect(stranger.probes).toEqual([]);
    expect(stranger.counter('unknown-sender')).toBe(1);
  });

  it('comes from one source 400 times a second and no more', () => {
    const { b, ping } = probing();
    const forged = ping.bytes.slice();
    forged[60] = (forged[60] as number) ^ 1;
    for (let i = 0; i < 5_000; i++) b.paths.datagram(0, ELSEWHERE, forged, 100 + i / 5);
    expect(b.counter('bad-probe')).toBeLessThanOrEqual(400 + 400 + 1);
    expect(b.counter('bad-probe') + b.counter('rate-limited-probe')).toBe(5_000);
    // Others are not touched by it.
    answer(b, ping, 1_100);
  });

  it('makes an idle end probe in turn if its sender has traffic; after it, each 20 s one keeps the NAT open, then none', () => {
    const { a, b, ping } = probing();
    b.paths.datagram(0, A, ping.bytes, 10);
    const answers = b.takeProbes();
    expect(answers).toHaveLength(2);
    for (const { bytes } of answers) a.paths.datagram(0, B, bytes, 20);
    const sent = () => [a, b].map((end) => end.counter('sent-pings'));
    const run = (from: number, until: number) => {
      const before = sent();
      for (let now = from; now <= until; now += 100) {
        a.runUntil(now);
        b.runUntil(now);
        for (const { bytes } of a.takeProbes()) b.paths.datagram(0, A, bytes, now);
        for (const { bytes } of b.takeProbes()) a.paths.datagram(0, B, bytes, now);
      }
      return sent().map((count, i) => count - (before[i] as number));
    };
    // The packet's time: each end watches its path.
    for (const count of run(100, 32_000)) expect(count).toBeGreaterThan(10);
    expect([a.paths.status(1)?.path?.address, b.paths.status(1)?.path?.address]).toEqual([B, A]);
    for (const count of run(32_100, 92_000)) expect(count).toBe(3);
    run(92_100, 180_000);
    expect(run(180_100, 400_000)).toEqual([0, 0]);
    expect([a.paths.nextDeadline(), b.paths.nextDeadline()]).toEqual([Infinity, Infinity]);
    expect(a.used.at(-1)).toBeNull();
  });
});

describe('SEC-31: no path changes by', () => {
  const changes = (end: End) => end.events.filter(({ kind }) => kind === 'path-changed').length;

  it.each([0, 5, 11, 12, 40, 83])('a pong with byte %i changed', (at) => {
    const { a, b, ping } = probing();
    const { bytes } = answer(b, ping);
    bytes[at] = (bytes[at] as number) ^ 0x10;
    if (looksLikeProbe(bytes)) a.paths.datagram(0, B, bytes, 20);
    expect(changes(a)).toBe(0);
    expect(a.used).toEqual([null]);
  });

  it('a pong that comes again, from the same place or another', () => {
    const { a, b, ping } = probing();
    const pong = answer(b, ping);
    a.paths.datagram(0, B, pong.bytes, 20);
    expect(changes(a)).toBe(1);
    for (const source of [B, ELSEWHERE]) a.paths.datagram(0, source, pong.bytes, 30);
    expect(changes(a)).toBe(1);
    expect(a.counter('unexpected-pong')).toBe(2);
    expect(a.used.at(-1)?.address).toEqual(B);
  });

  it('a pong that was held back and comes from elsewhere, or too late', () => {
    const { a, b, ping } = probing();
    const pong = answer(b, ping);
    a.paths.datagram(0, ELSEWHERE, pong.bytes, 20);
    expect(a.counter('unexpected-pong')).toBe(1);
    a.runUntil(5_100);
    a.paths.datagram(0, B, pong.bytes, 5_100);
    expect(a.counter('unexpected-pong')).toBe(2);
    expect(changes(a)).toBe(0);
  });

  it('a pong on another socket than the ping left by', () => {
    const { a, b, ping } = probing();
    a.paths.datagram(7, B, answer(b, ping).bytes, 20);
    expect(a.counter('unexpected-pong')).toBe(1);
    expect(changes(a)).toBe(0);
  });

  it("a ping sent back to its sender, who knows it for no peer's", () => {
    const { a, ping } = probing();
    a.paths.datagram(0, B, ping.bytes, 20);
    expect(a.counter('unknown-sender')).toBe(1);
    expect(a.takeProbes()).toEqual([]);
  });

  it('a ping that comes again, which is not even answered', () => {
    const { b, ping } = probing();
    answer(b, ping);
    b.takeProbes();
    b.paths.datagram(0, ELSEWHERE, ping.bytes, 20);
    expect(b.takeProbes()).toEqual([]);
    expect(b.counter('replayed-probe')).toBe(1);
    expect(b.paths.status(1)?.tried.some(({ address }) => address.equals(ELSEWHERE))).toBe(false);
  });

  it('a true ping from elsewhere, until that place has answered', () => {
    const { a, b, ping } = probing();
    a.paths.datagram(0, B, answer(b, ping).bytes, 20);
    b.paths.traffic(1, 130);
    b.paths.heardFrom(1, A, 130);
    const [probe] = b.takeProbes();
    a.paths.datagram(0, ELSEWHERE, (probe as SentProbe).bytes, 140);
    expect(changes(a)).toBe(1);
    expect(a.used.at(-1)?.address).toEqual(B);
  });

  it('an invitation that did not come by relay', () => {
    const { b, invitation } = probing();
    b.paths.datagram(0, A, invitation, 10);
    expect(b.counter('invitation-outside-relay')).toBe(1);
    expect(b.takeProbes()).toEqual([]);
    expect(b.takeRelayed()).toEqual([]);
  });

  it('an invitation that the relay brings again, forges, or says is from somebody else', () => {
    const { b, invitation } = probing();
    b.paths.fromRelay(1, invitation, 10);
    expect(b.takeRelayed()).toHaveLength(1);
    b.paths.fromRelay(1, invitation, 5_000);
    expect(b.counter('replayed-probe')).toBe(1);
    const forged = invitation.slice();
    forged[50] = (forged[50] as number) ^ 1;
    b.paths.fromRelay(1, forged, 6_000);
    expect(b.counter('bad-probe')).toBe(1);
    b.paths.addPeer(
      2,
      pair()[0].publicKey.map((byte) => byte ^ 3),
      6_000,
    );
    b.paths.fromRelay(2, invitation, 7_000);
    expect(b.counter('unknown-sender')).toBe(1);
  });

  it('pings and pongs that the relay brings', () => {
    const { b, ping } = probing();
    b.paths.fromRelay(1, ping.bytes, 10);
    expect(b.counter('bad-probe')).toBe(1);
    expect(b.takeProbes()).toEqual([]);
  });

  it('more invitations than one a second and a few', () => {
    const [a, b] = pair();
    a.paths.traffic(1, 0);
    for (let i = 0; i < 100; i++) {
      a.paths.setOwnSide(
        { candidates: [{ kind: 'interface', address: udp(`192.0.2.9:${1_000 + i}`) }], hard: false },
        i * 60,
      );
      for (const invitation of a.takeRelayed()) b.paths.fromRelay(1, invitation, i * 60);
    }
    expect(b.counter('invitation-flood')).toBeGreaterThan(80);
    expect(b.takeRelayed().length).toBeLessThan(15);
  });
});
