import { describe, expect, it } from 'vitest';
import { Reflexive, type ReflexiveResult } from '../../../agent/paths/reflexive.ts';
import type { UdpAddress } from '../../../agent/wireguard/udp-address.ts';
import { bindingAnswer } from '../../../coordinator/stun/binding.ts';
import { isBindingResponse } from '../../../shared/stun.ts';
import { SeededRandom } from '../../sim/world.ts';
import { udp } from './ends.ts';

const ONE = udp('198.51.100.1:3478');
const TWO = udp('198.51.100.2:3478');
const OUTSIDE = udp('203.0.113.7:4000');

function asking(servers: readonly UdpAddress[] = [ONE, TWO]) {
  const asked: { server: UdpAddress; bytes: Uint8Array }[] = [];
  const seen: ReflexiveResult[] = [];
  const reflexive = new Reflexive(
    new SeededRandom(1),
    (server, bytes) => void asked.push({ server: server.clone(), bytes }),
    (result) => void seen.push(result),
  );
  reflexive.setLocal([udp('192.168.1.10:51820')], 0);
  reflexive.setServers(servers, 0);
  const runUntil = (now: number) => {
    while (reflexive.nextDeadline() <= now) reflexive.advance(reflexive.nextDeadline());
  };
  const answer = (request: Uint8Array, from: UdpAddress, observed = OUTSIDE) => {
    const answered = bindingAnswer(request, { address: observed.addressBytes(), port: observed.port });
    if (answered !== null && isBindingResponse(answered.bytes)) reflexive.response(answered.bytes, from);
  };
  return { reflexive, asked, seen, runUntil, answer };
}

const textOf = ({ word0, port }: UdpAddress) => `${word0}:${port}`;

describe('what STUN servers see', () => {
  it('is asked of all at once, and told as soon as one answers', () => {
    const { reflexive, asked, seen, answer } = asking();
    expect(asked.map(({ server }) => textOf(server))).toEqual([ONE, TWO].map(textOf));
    for (const { server, bytes } of asked) answer(bytes, server);
    expect(seen.slice(-2)).toMatchObject([
      { addresses: [OUTSIDE], hard: false, nat: { mapping: 'unknown' } },
      { addresses: [OUTSIDE], hard: false, nat: { mapping: 'endpoint-independent' } },
    ]);
    expect(reflexive.nextDeadline()).toBe(Number.POSITIVE_INFINITY);
  });

  it('shows a hard NAT as soon as two differ, and that there is none', () => {
    const { asked, seen, answer } = asking();
    answer(asked[0]?.bytes as Uint8Array, ONE);
    answer(asked[1]?.bytes as Uint8Array, TWO, udp('203.0.113.7:4001'));
    expect(seen.at(-1)).toMatchObject({ hard: true, nat: { mapping: 'address-dependent' } });
    expect(seen.at(-1)?.addresses).toHaveLength(2);
    const open = asking();
    for (const { server, bytes } of open.asked) open.answer(bytes, server, udp('192.168.1.10:51820'));
    expect(open.seen.at(-1)).toMatchObject({ hard: false, nat: { mapping: 'none' } });
  });

  it('is asked three times with the same transaction, and then what was seen is true no longer', () => {
    const { reflexive, asked, seen, runUntil, answer } = asking([ONE]);
    answer(asked[0]?.bytes as Uint8Array, ONE);
    asked.length = 0;
    reflexive.refresh(10_000);
    runUntil(20_000);
    expect(asked).toHaveLength(3);
    expect(new Set(asked.map(({ bytes }) => bytes.join())).size).toBe(1);
    expect(seen.at(-1)).toMatchObject({ addresses: [], nat: { mapping: 'no answer' } });
  });

  it.each([
    [
      'of a server that was not asked',
      (request: Uint8Array) => ({ request, from: udp('198.51.100.9:3478') }),
    ],
    ['from another port', (request: Uint8Array) => ({ request, from: udp('198.51.100.1:3479') })],
    [
      'with another transaction',
      (request: Uint8Array) => {
        const other = request.slice();
        other[19] = (other[19] as number) ^ 1;
        return { request: other, from: ONE };
      },
    ],
  ])('an answer %s is not believed', (_name, change) => {
    const { asked, seen, answer } = asking([ONE]);
    const { request, from } = change(asked[0]?.bytes as Uint8Array);
    answer(request, from);
    expect(seen.at(-1)?.addresses ?? []).toEqual([]);
    answer(asked[0]?.bytes as Uint8Array, ONE);
    expect(seen.at(-1)?.addresses).toEqual([OUTSIDE]);
    // Nor is the true one, a second time, with something else in it.
    answer(asked[0]?.bytes as Uint8Array, ONE, udp('203.0.113.66:6'));
    expect(seen.at(-1)?.addresses).toEqual([OUTSIDE]);
  });

  it('is asked again each 20 to 25 s while it is wanted, and not at all after', () => {
    const { reflexive, asked, answer, runUntil } = asking([ONE]);
    const run = (from: number, until: number, wanted: boolean) => {
      let count = 0;
      for (let now = from; now < until; now += 100) {
        if (wanted) reflexive.want(now);
        runUntil(now);
        for (const { bytes } of asked.splice(0)) {
          answer(bytes, ONE);
          count++;
        }
      }
      return count;
    };
    run(100, 1_000, false);
    const wanted = run(1_000, 201_000, true);
    expect(wanted).toBeGreaterThanOrEqual(8);
    expect(wanted).toBeLessThanOrEqual(10);
    run(201_000, 300_000, false);
    expect(run(300_000, 600_000, false)).toBe(0);
    expect(reflexive.nextDeadline()).toBe(Number.POSITIVE_INFINITY);
    // After a long silence it is asked at once.
    expect(run(600_000, 600_200, true)).toBe(1);
  });

  it('of a server that is taken away is forgotten; servers that could be nobody are not asked', () => {
    const { reflexive, asked, seen, answer } = asking([ONE]);
    answer(asked[0]?.bytes as Uint8Array, ONE);
    reflexive.setServers([TWO, udp('127.0.0.1:3478'), udp('224.0.0.1:3478')], 1_000);
    expect(seen.at(-1)?.addresses).toEqual([]);
    expect(asked.slice(1).map(({ server }) => textOf(server))).toEqual([textOf(TWO)]);
  });
});
