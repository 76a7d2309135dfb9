/** Bytes from the network that are no WireGuard: STUN, probes of paths, frames of relays, answers of gateways. */
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { isProbe, openMessage, sealMessage } from '../../agent/paths/messages.ts';
import { cryptoReady } from '../../agent/wireguard/crypto.ts';
import { UdpAddress } from '../../agent/wireguard/udp-address.ts';
import { bindingAnswer } from '../../coordinator/stun/binding.ts';
import {
  encodeDatagrams,
  forEachDatagram,
  nodeIdOf,
  readDatagramFrame,
  withNodeId,
} from '../../shared/relay-frame.ts';
import {
  answers,
  bindingRequest,
  isBindingResponse,
  parseBindingResponse,
  readAttributes,
} from '../../shared/stun.ts';
import { SeededRandom } from '../sim/world.ts';
import { fuzz, noise, spoiled } from './fuzz.ts';

beforeAll(() => cryptoReady());

const id = fc.uint8Array({ minLength: 12, maxLength: 12 });
const source = fc
  .oneof(fc.uint8Array({ minLength: 4, maxLength: 4 }), fc.uint8Array({ minLength: 16, maxLength: 16 }))
  .map((address) => ({ address, port: 3478 }));

describe('STUN', () => {
  const requests = fc
    .tuple(id, fc.boolean())
    .map(([bytes, changePort]) => bindingRequest(bytes, { changePort }));

  it('a request is answered within bounds, or not at all', () => {
    let answered = 0;
    fuzz(fc.tuple(fc.oneof(noise(300), spoiled(requests)), source), 4_000, ([request, from]) => {
      const answer = bindingAnswer(request, from);
      if (answer === null) return;
      answered++;
      // Two bytes of an answer for each attribute of four and more that was not understood, and what all have.
      expect(answer.bytes.length).toBeLessThanOrEqual(44 + request.length);
      expect(answer.bytes.length % 4).toBe(0);
      expect(readAttributes(answer.bytes)).not.toBeNull();
    });
    expect(answered).toBeGreaterThan(100);
  });

  it('an answer is read or refused', () => {
    const good = fc
      .tuple(requests, source)
      .map(([request, from]) => bindingAnswer(request, from)?.bytes ?? request);
    let read = 0;
    fuzz(fc.tuple(fc.oneof(noise(300), spoiled(good)), id), 4_000, ([bytes, transaction]) => {
      isBindingResponse(bytes);
      answers(bytes, transaction);
      if (parseBindingResponse(bytes) !== null) read++;
    });
    expect(read).toBeGreaterThan(100);
  });
});

describe('messages about paths', () => {
  const keys = { sending: new Uint8Array(32).fill(1), receiving: new Uint8Array(32).fill(1) };
  const random = new SeededRandom(1);
  const candidate = fc.ipV4().map((text) => ({
    kind: 'interface' as const,
    address: UdpAddress.from(Uint8Array.from(text.split('.').map(Number)), 7),
  }));
  const messages = fc.oneof(
    fc.nat().map((transaction) => ({ kind: 'ping' as const, transaction, wanted: true })),
    fc.tuple(fc.nat(), fc.array(candidate, { maxLength: 16 })).map(([number, candidates]) => ({
      kind: 'invitation' as const,
      id: number,
      wanted: true,
      reply: false,
      hard: false,
      candidates,
    })),
  );

  it('only what was sealed by the other end is opened, and then as it was', () => {
    fuzz(
      fc.tuple(messages, spoiled(fc.constant(new Uint8Array(0))), fc.nat(2)),
      1_500,
      ([message, more, how]) => {
        const sealed = sealMessage(message, 5, keys as never, random);
        if (how === 0) {
          expect(openMessage(sealed, keys as never)).toEqual(message);
          return;
        }
        const changed = how === 1 ? Uint8Array.of(...sealed, 1, ...more) : sealed.slice();
        if (how === 2)
          changed[more.length % changed.length] = (changed[more.length % changed.length] as number) ^ 0x10;
        expect(openMessage(changed, keys as never)).toBeNull();
      },
    );
  });

  it('noise is looked at and left', () => {
    fuzz(noise(300), 3_000, (bytes) => {
      isProbe(new DataView(bytes.buffer, bytes.byteOffset, bytes.length), 0, bytes.length);
      expect(openMessage(bytes, keys as never)).toBeNull();
    });
  });
});

describe("relays' frames", () => {
  const frames = fc
    .tuple(
      fc.stringMatching(/^[a-z0-9]{1,40}$/),
      fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 10 }),
    )
    .map(([node, datagrams]) => new Uint8Array(encodeDatagrams(node, datagrams)));

  it('are read whole, with all datagrams inside, or refused', () => {
    let read = 0;
    fuzz(fc.oneof(noise(300), spoiled(frames)), 4_000, (bytes) => {
      const frame = Buffer.from(bytes);
      const found = readDatagramFrame(frame);
      if (found === null) return;
      read++;
      const datagrams: Uint8Array[] = [];
      forEachDatagram(frame, found, (datagram) => datagrams.push(datagram.slice()));
      expect(datagrams).toHaveLength(found.count);
      expect(datagrams.reduce((sum, datagram) => sum + datagram.length, 0)).toBe(found.bytes);
      const node = nodeIdOf(frame, found);
      const other = withNodeId(Buffer.from(frame), found, Buffer.from(`x${node}`));
      const again = readDatagramFrame(other);
      // One character more may be one too many.
      if (again !== null)
        expect([nodeIdOf(other, again), again.count, again.bytes]).toEqual([
          `x${node}`,
          found.count,
          found.bytes,
        ]);
      else expect(node.length).toBe(64);
    });
    expect(read).toBeGreaterThan(100);
  });
});
