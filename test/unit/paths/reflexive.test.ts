import { describe, expect, it } from 'vitest';
import { Reflexive } from '../../../agent/paths/reflexive.ts';
import type { UdpAddress } from '../../../agent/wireguard/udp-address.ts';
import { bindingAnswer } from '../../../coordinator/stun/binding.ts';
import { SeededRandom } from '../../sim/world.ts';
import { udp } from './ends.ts';

const ONE = udp('198.51.100.1:3478');
const TWO = udp('198.51.100.2:3478');
const OUTSIDE = udp('203.0.113.7:4000');

function asking(servers: readonly UdpAddress[] = [ONE, TWO]) {
  const asked: { server: UdpAddress; bytes: Uint8Array }[] = [];
  const seen: string[][] = [];
  const reflexive: Reflexive = new Reflexive(
    {
      ask: (server, bytes) => void asked.push({ server: server.clone(), bytes }),
      changed: () =>
        void seen.push(reflexive.observations.map(({ observed }) => `${observed.word0}:${observed.port}`)),
    },
    new SeededRandom(1),
  );
  reflexive.setServers(servers, 0);
  const runUntil = (now: number) => {
    while (reflexive.nextDeadline() <= now) reflexive.advance(reflexive.nextDeadline());
  };
  const answer = (request: Uint8Array, from: UdpAddress, observed = OUTSIDE) => {
    const answered = bindingAnswer(request, { address: observed.addressBytes(), port: observed.port });
    return answered !== null && reflexive.datagram(answered.bytes, from);
  };
  return { reflexive, asked, seen, runUntil, answer };
}

const textOf = ({ word0, port }: UdpAddress) => `${word0}:${port}`;

describe('what STUN servers see', () => {
  it('is asked of all at once, and told as soon as one answers', () => {
    const { reflexive, asked, seen, answer } = asking();
    expect(asked.map(({ server }) => textOf(server))).toEqual([ONE, TWO].map(textOf));
    for (const { server, bytes } of asked) answer(bytes, server);
    expect(seen).toEqual([[textOf(OUTSIDE)], [textOf(OUTSIDE), textOf(OUTSIDE)]]);
    expect(reflexive.isAsking).toBe(false);
    expect(reflexive.nextDeadline()).toBe(Number.POSITIVE_INFINITY);
  });

  it('is asked three times with the same transaction, and then what was seen is true no longer', () => {
    const { reflexive, asked, seen, runUntil, answer } = asking([ONE]);
    answer(asked[0]?.bytes as Uint8Array, ONE);
    asked.length = 0;
    reflexive.refresh(10_000);
    runUntil(20_000);
    expect(asked).toHaveLength(3);
    expect(new Set(asked.map(({ bytes }) => bytes.join())).size).toBe(1);
    expect(seen.at(-1)).toEqual([]);
    expect(reflexive.isAsking).toBe(false);
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
    const { reflexive, asked, answer } = asking([ONE]);
    const { request, from } = change(asked[0]?.bytes as Uint8Array);
    expect(answer(request, from)).toBe(true);
    expect(reflexive.observations).toEqual([]);
    expect(answer(asked[0]?.bytes as Uint8Array, ONE)).toBe(true);
    expect(reflexive.observations).toHaveLength(1);
    // Nor is the true one, a second time, with something else in it.
    answer(asked[0]?.bytes as Uint8Array, ONE, udp('203.0.113.66:6'));
    expect(reflexive.observations[0]?.observed).toEqual(OUTSIDE);
  });

  it('leaves other datagrams to others', () => {
    const { reflexive, asked } = asking([ONE]);
    expect(reflexive.datagram(asked[0]?.bytes as Uint8Array, ONE)).toBe(false);
    expect(reflexive.datagram(Uint8Array.of(1, 0, 0, 0), ONE)).toBe(false);
  });

  it('is asked again each 20 to 25 s while there is traffic, and not at all without', () => {
    const { reflexive, asked, answer, runUntil } = asking([ONE]);
    reflexive.setActive(true, 100);
    let answered = 0;
    for (let now = 200; now < 200_000; now += 100) {
      runUntil(now);
      for (const { bytes } of asked.splice(0)) if (answer(bytes, ONE)) answered++;
    }
    expect(answered).toBeGreaterThanOrEqual(9);
    expect(answered).toBeLessThanOrEqual(12);
    reflexive.setActive(false, 200_000);
    expect(reflexive.nextDeadline()).toBe(Number.POSITIVE_INFINITY);
  });

  it('of a server that is taken away is forgotten; servers that could be nobody are not asked', () => {
    const { reflexive, asked, seen, answer } = asking([ONE]);
    answer(asked[0]?.bytes as Uint8Array, ONE);
    reflexive.setServers([TWO, udp('127.0.0.1:3478'), udp('224.0.0.1:3478')], 1_000);
    expect(seen.at(-1)).toEqual([]);
    expect(asked.slice(1).map(({ server }) => textOf(server))).toEqual([textOf(TWO)]);
  });
});
