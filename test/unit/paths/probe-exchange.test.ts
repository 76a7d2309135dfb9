import { beforeAll, beforeEach, expect, it } from 'vitest';
import { PROBE_INTERVAL } from '../../../agent/paths/constants.ts';
import { openMessage, tagOf } from '../../../agent/paths/messages.ts';
import { OWN_SOCKET, Path } from '../../../agent/paths/path.ts';
import type { PathContext } from '../../../agent/paths/path-context.ts';
import { ProbeCounters } from '../../../agent/paths/probe-counters.ts';
import { ProbeExchange } from '../../../agent/paths/probe-exchange.ts';
import type { ProbeKeys } from '../../../agent/paths/probe-keys.ts';
import { clamp, cryptoReady, publicKeyOf } from '../../../agent/wireguard/crypto.ts';
import type { UdpAddress } from '../../../agent/wireguard/udp-address.ts';
import { SeededRandom } from '../../sim/world.ts';
import { udp } from './ends.ts';

const SLOT = 5;
const A = udp('192.0.2.1:1');
const B = udp('192.0.2.2:2');

beforeAll(cryptoReady);

/** One end: what it sends is kept. */
class End {
  readonly context: PathContext;
  readonly probes: { socket: number; target: UdpAddress; bytes: Uint8Array }[] = [];
  readonly relayed: Uint8Array[] = [];

  constructor(seed: number) {
    const random = new SeededRandom(seed);
    const privateKey = new Uint8Array(32);
    random.fill(privateKey);
    clamp(privateKey);
    this.context = {
      random,
      counters: new ProbeCounters(),
      privateKey,
      publicKey: publicKeyOf(privateKey),
      candidates: [{ kind: 'interface', address: A }],
      hard: false,
      sink: {
        probe: (socket: number, target: UdpAddress, bytes: Uint8Array) =>
          void this.probes.push({ socket, target, bytes }),
        relay: (_: number, bytes: Uint8Array) => void this.relayed.push(bytes),
      },
    } as never;
  }

  count(name: string): number {
    return this.context.counters.toRecord()[name] ?? 0;
  }
}

let a: End;
let b: End;
let toB: ProbeExchange;
let toA: ProbeExchange;

beforeEach(() => {
  [a, b] = [new End(1), new End(2)];
  toB = new ProbeExchange(SLOT, b.context.publicKey, a.context);
  toA = new ProbeExchange(SLOT, a.context.publicKey, b.context);
});

const opened = (bytes: Uint8Array | undefined, by: ProbeExchange) =>
  openMessage(bytes as Uint8Array, by.keys as ProbeKeys);

it('a probe is answered the way that it came, and the answer proves it once', () => {
  const path = new Path(OWN_SOCKET, B, 'interface');
  toB.probe(path, true, 1_000);
  const [probe] = a.probes;
  expect([probe?.target, tagOf(probe?.bytes as Uint8Array)]).toEqual([B, toA.receivingTag]);
  const ping = opened(probe?.bytes, toA);
  expect(ping).toMatchObject({ kind: 'ping', wanted: true });
  if (ping?.kind !== 'ping') return expect.fail('no ping');
  expect(toA.answer(ping, new Path(3, A, 'learned'), A)).toBe(true);
  const [answer] = b.probes;
  expect([answer?.socket, answer?.target]).toEqual([3, A]);
  const pong = opened(answer?.bytes, toB);
  if (pong?.kind !== 'pong') return expect.fail('no pong');
  expect(toB.answered(pong, OWN_SOCKET, A, 1_010)).toBeNull();
  expect(toB.answered(pong, OWN_SOCKET, B, 1_010)).toEqual({ path, sentAt: 1_000 });
  expect(toB.answered(pong, OWN_SOCKET, B, 1_010)).toBeNull();
  expect(a.count('unexpected-pong')).toBe(2);
});

it('a path that was asked a moment ago is not asked again', () => {
  const path = new Path(OWN_SOCKET, B, 'interface');
  for (const now of [1_000, 1_000 + PROBE_INTERVAL - 1, 1_000 + PROBE_INTERVAL]) toB.probe(path, false, now);
  expect([a.probes.length, path.lastProbe]).toEqual([2, 1_000 + PROBE_INTERVAL]);
});

it('an invitation says by relay where this host is, and a message that came before is counted', () => {
  toB.invite(true, false);
  const invitation = opened(a.relayed[0], toA);
  expect(invitation).toMatchObject({ kind: 'invitation', wanted: true, reply: false, hard: false });
  if (invitation?.kind !== 'invitation') return expect.fail('no invitation');
  expect([toA.isNew(invitation.id), toA.isNew(invitation.id), b.count('replayed-probe')]).toEqual([
    true,
    false,
    1,
  ]);
});

it('keys that are forgotten are wiped, and made again when they are needed', () => {
  const before = toB.keys as ProbeKeys;
  const bytes = before.sending.slice();
  toB.forgetKeys();
  expect(before.sending.every((byte) => byte === 0)).toBe(true);
  expect(toB.keys?.sending).toEqual(bytes);
});

it('with a peer whose key allows no common one nothing is said', () => {
  const none = new ProbeExchange(SLOT, new Uint8Array(32), a.context);
  const path = new Path(OWN_SOCKET, B, 'interface');
  none.probe(path, true, 1_000);
  none.invite(true, false);
  const ping = { kind: 'ping' as const, transaction: 1, wanted: false };
  expect([none.keys, none.answer(ping, path, B), a.probes, a.relayed]).toEqual([null, false, [], []]);
});
