import { describe, expect, it } from 'vitest';
import { HandshakeLoad } from '../../../agent/wireguard/handshake-load.ts';
import { RateLimiter } from '../../../agent/wireguard/rate-limiter.ts';
import { UdpAddress } from '../../../agent/wireguard/udp-address.ts';
import { parseIp } from '../../../shared/ip.ts';

const from = (text: string, port = 1000) => UdpAddress.from(parseIp(text) as Uint8Array, port);

describe('the limiter of sources under load', () => {
  it('lets 5 at once through and then 20 a second', () => {
    const limiter = new RateLimiter();
    const source = from('192.0.2.1');
    const passed = (now: number, tries: number) =>
      Array.from({ length: tries }, () => limiter.allow(source, now)).filter(Boolean).length;
    expect(passed(0, 20)).toBe(5);
    let count = 0;
    for (let now = 1; now <= 10_000; now++) count += passed(now, 1);
    expect(count).toBe(200);
  });

  it('judges each address by itself, whatever the port', () => {
    const limiter = new RateLimiter();
    for (let i = 0; i < 5; i++) limiter.allow(from('192.0.2.1', 1000 + i), 0);
    expect(limiter.allow(from('192.0.2.1', 2000), 0)).toBe(false);
    expect(limiter.allow(from('192.0.2.2'), 0)).toBe(true);
  });

  it('takes an IPv6 /64 as one source', () => {
    const limiter = new RateLimiter();
    for (let i = 1; i <= 5; i++) expect(limiter.allow(from(`2001:db8::${i}`), 0)).toBe(true);
    expect(limiter.allow(from('2001:db8::ffff'), 0)).toBe(false);
    expect(limiter.allow(from('2001:db8:0:1::1'), 0)).toBe(true);
  });

  it('remembers a bounded number of sources and serves new ones when old ones fall silent', () => {
    const limiter = new RateLimiter();
    const source = from('10.0.0.0');
    let passed = 0;
    for (let i = 0; i < 20_000; i++) {
      source.word0 = 0x0a000000 + i;
      if (limiter.allow(source, 0)) passed++;
    }
    expect(passed).toBe(16_384);
    expect(limiter.allow(from('192.0.2.1'), 1000)).toBe(true);
  });
});

describe('the load of handshakes', () => {
  it('is none at the rate of a lawful crowd', () => {
    const load = new HandshakeLoad();
    const judged = Array.from({ length: 1000 }, (_, i) => load.arrived(i * 10));
    expect(judged).not.toContain(true);
  });

  it('begins past a burst of 64 and lasts a second after the last sign', () => {
    const load = new HandshakeLoad();
    const judged = Array.from({ length: 66 }, () => load.arrived(0));
    expect(judged.indexOf(true)).toBe(64);
    expect(load.arrived(999)).toBe(true);
    expect(load.arrived(1000)).toBe(false);
  });
});
