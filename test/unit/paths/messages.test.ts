import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { CANDIDATE_KINDS, type Candidate } from '../../../agent/paths/candidate.ts';
import { MAX_CANDIDATES } from '../../../agent/paths/constants.ts';
import { isProbe, type Message, openMessage, sealMessage, tagOf } from '../../../agent/paths/messages.ts';
import { type ProbeKeys, probeKeys, probeTag } from '../../../agent/paths/probe-keys.ts';
import { clamp, cryptoReady, dh, kdf, publicKeyOf, xaeadSeal } from '../../../agent/wireguard/crypto.ts';
import { UdpAddress } from '../../../agent/wireguard/udp-address.ts';
import { systemRandom } from '../../../shared/random.ts';

let a: { privateKey: Uint8Array; publicKey: Uint8Array };
let b: typeof a;
let aKeys: ProbeKeys;
let bKeys: ProbeKeys;

function keyPair(fill: number): typeof a {
  const privateKey = new Uint8Array(32).fill(fill);
  clamp(privateKey);
  return { privateKey, publicKey: publicKeyOf(privateKey) };
}

beforeAll(async () => {
  await cryptoReady();
  a = keyPair(1);
  b = keyPair(2);
  aKeys = probeKeys(a.privateKey, a.publicKey, b.publicKey) as ProbeKeys;
  bKeys = probeKeys(b.privateKey, b.publicKey, a.publicKey) as ProbeKeys;
});

const anyAddress = fc
  .tuple(
    fc.oneof(fc.uint8Array({ minLength: 4, maxLength: 4 }), fc.uint8Array({ minLength: 16, maxLength: 16 })),
    fc.integer({ min: 0, max: 65_535 }),
  )
  .map(([bytes, port]) => UdpAddress.from(bytes, port));
const anyId = fc.integer({ min: 0, max: 2 ** 48 - 1 });
const anyCandidate: fc.Arbitrary<Candidate> = fc.record({
  kind: fc.constantFrom(...CANDIDATE_KINDS),
  address: anyAddress,
});
const anyMessage: fc.Arbitrary<Message> = fc.oneof(
  fc.record({ kind: fc.constant('ping' as const), transaction: anyId, wanted: fc.boolean() }),
  fc.record({ kind: fc.constant('pong' as const), transaction: anyId, observed: anyAddress }),
  fc.record({
    kind: fc.constant('invitation' as const),
    id: anyId,
    wanted: fc.boolean(),
    reply: fc.boolean(),
    hard: fc.boolean(),
    candidates: fc.array(anyCandidate, { maxLength: MAX_CANDIDATES }),
  }),
);

describe('messages about paths', () => {
  it('come out as they went in, at the other end and nowhere else', () => {
    fc.assert(
      fc.property(anyMessage, anyId, (message, tag) => {
        const bytes = sealMessage(message, tag, aKeys, systemRandom);
        expect(isProbe(new DataView(bytes.buffer), 0, bytes.length)).toBe(true);
        expect(tagOf(bytes)).toBe(tag);
        expect(openMessage(bytes, bKeys)).toEqual(message);
        // Not at the sender, who may get it back.
        expect(openMessage(bytes, aKeys)).toBeNull();
      }),
    );
  });

  it('with any byte changed are none', () => {
    fc.assert(
      fc.property(anyMessage, fc.nat(), fc.integer({ min: 1, max: 255 }), (message, position, change) => {
        const bytes = sealMessage(message, 5, aKeys, systemRandom);
        const at = position % bytes.length;
        bytes[at] = (bytes[at] as number) ^ change;
        expect(openMessage(bytes, bKeys)).toBeNull();
      }),
    );
  });

  it('never have the same bytes twice, for a nonce is drawn for each', () => {
    const one = () =>
      sealMessage({ kind: 'ping', transaction: 1, wanted: true }, 5, aKeys, systemRandom).join();
    expect(one()).not.toBe(one());
  });

  it('that a peer sealed with anything in them are understood or dropped, never an exception', () => {
    let understood = 0;
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 400, size: 'max' }),
        fc.option(fc.constantFrom(1, 2, 3), { nil: undefined }),
        (content, type) => {
          const header = new Uint8Array(12);
          const nonce = new Uint8Array(24);
          if (type !== undefined && content.length > 0) content[0] = type;
          const sealed = xaeadSeal(aKeys.sending, nonce, content, header);
          const message = openMessage(Uint8Array.from([...header, ...nonce, ...sealed]), bKeys);
          if (message === null) return;
          understood++;
          if (message.kind === 'invitation')
            expect(message.candidates.length).toBeLessThanOrEqual(MAX_CANDIDATES);
        },
      ),
      { numRuns: 2_000 },
    );
    expect(understood).toBeGreaterThan(100);
  });

  it('that are anything at all are dropped', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300, size: 'max' }), (bytes) => {
        expect(openMessage(bytes, bKeys)).toBeNull();
      }),
    );
  });
});

describe('keys for them', () => {
  it('are the same at both ends, one for each direction', () => {
    expect(aKeys.sending).toEqual(bKeys.receiving);
    expect(aKeys.receiving).toEqual(bKeys.sending);
    expect(aKeys.sending).not.toEqual(aKeys.receiving);
  });

  it('are neither the result of Diffie-Hellman nor what WireGuard makes of it', () => {
    const shared = dh(a.privateKey, b.publicKey) as Uint8Array;
    const zero = new Uint8Array(32);
    const others = [shared, ...kdf(2, zero, shared), ...kdf(2, shared, zero)].map((key) => key.join());
    for (const key of [aKeys.sending, aKeys.receiving]) expect(others).not.toContain(key.join());
  });

  it('are none for a public key of low order', () => {
    expect(probeKeys(a.privateKey, a.publicKey, new Uint8Array(32))).toBeNull();
  });

  it('go with tags that name sender and receiver, in this order', () => {
    const tags = [probeTag(a.publicKey, b.publicKey), probeTag(b.publicKey, a.publicKey)];
    expect(tags[0]).not.toBe(tags[1]);
    for (const tag of tags) expect(tag).toBeLessThan(2 ** 48);
    expect(probeTag(a.publicKey, b.publicKey)).toBe(tags[0]);
  });
});
