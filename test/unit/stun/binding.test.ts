import { createSocket } from 'node:dgram';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bindingAnswer, MAGIC_COOKIE } from '../../../coordinator/stun/binding.ts';
import { serveStun } from '../../../coordinator/stun/serve-stun.ts';
import { parseIp } from '../../../shared/ip.ts';
import { createLogger } from '../../../shared/log.ts';

/** A Binding request with an attribute of `padding` bytes (SOFTWARE, 0x8022), none for 0. */
function request(padding: number, id = new Uint8Array(12).fill(7)): Uint8Array {
  const body = padding === 0 ? 0 : 4 + padding;
  const bytes = new Uint8Array(20 + body);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, 1);
  view.setUint16(2, body);
  view.setUint32(4, MAGIC_COOKIE);
  bytes.set(id, 8);
  if (padding > 0) {
    view.setUint16(20, 0x8022);
    view.setUint16(22, padding);
  }
  return bytes;
}

const ip = (text: string) => parseIp(text) as Uint8Array;

describe('STUN Binding (RFC 8489)', () => {
  // RFC 5769 2.2 and 2.3: the mapped addresses of its sample responses, for its transaction id.
  const ID = Uint8Array.of(0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae);
  it.each([
    ['192.0.2.1', '0001a147e112a643'],
    ['2001:db8:1234:5678:11:2233:4455:6677', '0002a1470113a9faa5d3f179bc25f4b5bed2b9d9'],
  ])('XOR-MAPPED-ADDRESS of %s as in RFC 5769', (address, value) => {
    const answer = bindingAnswer(request(32, ID), ip(address), 32853) as Uint8Array;
    expect(Buffer.from(answer.subarray(24)).toString('hex')).toBe(value);
    expect(Buffer.from(answer.subarray(8, 20))).toEqual(Buffer.from(ID));
    expect(answer[0]).toBe(1);
    expect(answer[1]).toBe(1);
  });

  it('SEC-23: no answer is longer than its request', () => {
    expect(bindingAnswer(request(0), ip('192.0.2.1'), 1)).toBeNull();
    expect(bindingAnswer(request(8), ip('192.0.2.1'), 1)).toHaveLength(32);
    expect(bindingAnswer(request(8), ip('2001:db8::1'), 1)).toBeNull();
    expect(bindingAnswer(request(20), ip('2001:db8::1'), 1)).toHaveLength(44);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const answer = bindingAnswer(bytes, ip('192.0.2.1'), 1);
        expect(answer?.length ?? 0).toBeLessThanOrEqual(bytes.length);
      }),
    );
  });

  it.each([
    ['another method', 1, 2],
    ['no magic cookie', 4, 0],
    ['a wrong length', 3, 9],
  ])('%s is not answered', (_, at, value) => {
    const bytes = request(32);
    bytes[at] = value;
    expect(bindingAnswer(bytes, ip('192.0.2.1'), 1)).toBeNull();
  });

  it('is answered over UDP with the port that the request came from', async () => {
    const server = await serveStun({ host: '127.0.0.1', port: 0 }, createLogger('silent', 'test'));
    const socket = createSocket('udp4');
    const answer = new Promise<Buffer>((resolve) => socket.once('message', resolve));
    socket.send(request(32), server.port, '127.0.0.1');
    const bytes = await answer;
    expect(bytes.readUInt16BE(26) ^ (MAGIC_COOKIE >>> 16)).toBe(socket.address().port);
    socket.close();
    await server.close();
  });
});
