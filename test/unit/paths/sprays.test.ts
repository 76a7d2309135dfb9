import { beforeAll, describe, expect, it } from 'vitest';
import { SPRAY_PROBES, SPRAY_SOCKETS, SPRAY_TRIES } from '../../../agent/paths/constants.ts';
import { cryptoReady } from '../../../agent/wireguard/crypto.ts';
import { type End, pair, udp } from './ends.ts';

beforeAll(cryptoReady);

const HARD = udp('203.0.113.1:30000');
const EASY = udp('203.0.113.2:51820');

/** `easy` and `hard` behind NATs of these kinds; what they tell each other by relay arrives, their probes do not. */
function behindNats(): { easy: End; hard: End; run: (from: number, until: number) => void } {
  const [easy, hard] = pair();
  easy.paths.setOwnSide({ candidates: [{ kind: 'reflexive', address: EASY }], hard: false }, 0);
  hard.paths.setOwnSide({ candidates: [{ kind: 'reflexive', address: HARD }], hard: true }, 0);
  const run = (from: number, until: number) => {
    for (let now = from; now <= until; now += 10) {
      easy.runUntil(now);
      hard.runUntil(now);
      for (const bytes of easy.takeRelayed()) hard.paths.fromRelay(1, bytes, now);
      for (const bytes of hard.takeRelayed()) easy.paths.fromRelay(1, bytes, now);
      for (const { slot, count } of hard.sockets.splice(0)) {
        const numbers = Array.from({ length: count }, (_, i) => 1 + opened + i);
        opened += count;
        hard.paths.socketsOpened(slot, numbers, now);
      }
    }
  };
  let opened = 0;
  return { easy, hard, run };
}

/** Ports of the hard NAT's address that were probed. */
function portsOf(end: End): number[] {
  return end.probes.filter(({ target }) => target.word0 === HARD.word0).map(({ target }) => target.port);
}

describe('a spray', () => {
  it('goes at 1,024 ports from one end and from 256 sockets of the other, after simpler ways had their time', () => {
    const { easy, hard, run } = behindNats();
    easy.paths.traffic(1, 0);
    run(0, 300);
    expect(new Set(portsOf(easy))).toEqual(new Set([HARD.port]));
    run(300, 3_900);
    const ports = new Set(portsOf(easy));
    ports.delete(HARD.port);
    expect(ports.size).toBeGreaterThanOrEqual(SPRAY_PROBES - 1);
    expect(Math.min(...ports)).toBeGreaterThanOrEqual(1_024);
    const sockets = new Set(hard.probes.map(({ socket }) => socket));
    sockets.delete(0);
    expect(sockets.size).toBe(SPRAY_SOCKETS);
    for (const { socket, target } of hard.probes) if (socket !== 0) expect(target).toEqual(EASY);
    run(3_900, 5_000);
    expect(hard.closed.length).toBe(SPRAY_SOCKETS);
  });

  it('never goes at a host that did not ask for it: an invitation by relay is what begins it', () => {
    const { easy, hard } = behindNats();
    easy.paths.setCandidates(1, [{ kind: 'reflexive', address: HARD }], 0);
    hard.paths.setCandidates(1, [{ kind: 'reflexive', address: EASY }], 0);
    for (let now = 0; now < 60_000; now += 1_000) {
      easy.paths.traffic(1, now);
      hard.paths.traffic(1, now);
      easy.runUntil(now);
      hard.runUntil(now);
    }
    expect(new Set(portsOf(easy))).toEqual(new Set([HARD.port]));
    expect(hard.sockets).toEqual([]);
  });

  it('needs a fresh invitation each time: that of an earlier discovery is none', () => {
    const { easy, hard, run } = behindNats();
    easy.paths.traffic(1, 0);
    run(0, 4_500);
    expect(easy.counter('sprays')).toBe(1);
    // From here on the relay brings nothing.
    for (let now = 5_000; now < 120_000; now += 1_000) {
      easy.paths.traffic(1, now);
      easy.runUntil(now);
      hard.runUntil(now);
    }
    expect(easy.counter('sent-invitations')).toBeGreaterThan(5);
    expect(easy.counter('sprays')).toBe(1);
  });

  it('is not tried between two easy NATs, nor between two hard ones', () => {
    for (const isHard of [true, false]) {
      const { easy, hard, run } = behindNats();
      easy.paths.setOwnSide({ candidates: [{ kind: 'reflexive', address: EASY }], hard: isHard }, 0);
      hard.paths.setOwnSide({ candidates: [{ kind: 'reflexive', address: HARD }], hard: isHard }, 0);
      easy.paths.traffic(1, 0);
      run(0, 5_000);
      expect(easy.counter('sprays') + hard.counter('sprays')).toBe(0);
    }
  });

  it('is tried a few times and then no more while the traffic goes on', () => {
    const { easy, hard, run } = behindNats();
    for (let now = 0; now < 300_000; now += 10_000) {
      easy.paths.traffic(1, now);
      run(now, now + 10_000);
    }
    expect(easy.counter('sprays')).toBe(SPRAY_TRIES);
    expect(hard.counter('sprays')).toBe(SPRAY_TRIES);
    const ports = portsOf(easy).filter((port) => port !== HARD.port);
    expect(ports.length).toBeLessThanOrEqual(SPRAY_TRIES * SPRAY_PROBES);
    expect(hard.closed.length).toBe(SPRAY_TRIES * SPRAY_SOCKETS);
  });

  it.each(['192.168.7.7:9', '127.0.0.1:9', '224.0.0.1:9', '[2001:db8::1]:9'])(
    'does not go at %s, whatever an invitation says',
    (text) => {
      const { easy, hard, run } = behindNats();
      hard.paths.setOwnSide({ candidates: [{ kind: 'reflexive', address: udp(text) }], hard: true }, 0);
      easy.paths.traffic(1, 0);
      run(0, 5_000);
      expect(easy.counter('sprays')).toBe(0);
    },
  );

  it('whose sockets come too late, or for a peer that is gone, closes them', () => {
    const { hard } = behindNats();
    hard.paths.socketsOpened(1, [7, 8], 10);
    hard.paths.socketsOpened(99, [9], 10);
    expect(hard.closed).toEqual([7, 8, 9]);
  });
});
