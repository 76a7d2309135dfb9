import { createSocket, type Socket } from 'node:dgram';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { bindingAnswer } from '../../../coordinator/stun/binding.ts';
import { type StunOptions, type StunServer, serveStun } from '../../../coordinator/stun/serve-stun.ts';
import { systemClock } from '../../../shared/clock.ts';
import { formatEndpoint } from '../../../shared/endpoint.ts';
import { parseIp } from '../../../shared/ip.ts';
import { createLogger } from '../../../shared/log.ts';
import {
  answers,
  bindingRequest,
  isBindingResponse,
  MAGIC_COOKIE,
  parseBindingResponse,
} from '../../../shared/stun.ts';

const ID = new Uint8Array(12).fill(7);
const ip = (text: string) => parseIp(text) as Uint8Array;
const from = (text: string, port = 4711) => ({ address: ip(text), port });
const hex = (text: string) => new Uint8Array(Buffer.from(text.replace(/\s/g, ''), 'hex'));

/** The bare header of 20 bytes, and attributes behind it. */
function request(attributes = '', cookie = '2112a442'): Uint8Array {
  const body = hex(attributes);
  const length = body.length.toString(16).padStart(4, '0');
  return Uint8Array.of(...hex(`0001 ${length} ${cookie}`), ...ID, ...body);
}

describe('the STUN messages (RFC 8489)', () => {
  // RFC 5769 2.2 and 2.3: its sample responses, with SOFTWARE, MESSAGE-INTEGRITY and FINGERPRINT.
  it.each([
    [
      '192.0.2.1:32853',
      `0101003c2112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220002000080001a147e112a643
       000800142b91f599fd9e90c38c7489f92af9ba53f06be7d780280004c07d4c96`,
    ],
    [
      '[2001:db8:1234:5678:11:2233:4455:6677]:32853',
      `010100482112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220002000140002a1470113a9faa5d3f179bc25f4b5bed2b9d9
       00080014a382954e4be67bf11784c97c8292c275bfe3ed4180280004c8fb0b4c`,
    ],
  ])('the mapped address %s is read from the sample of RFC 5769', (expected, sample) => {
    const response = parseBindingResponse(hex(sample));
    expect(response?.kind === 'success' && formatEndpoint(response.mapped)).toBe(expected);
    expect(answers(hex(sample), hex('b7e7a701bc34d686fa87dfae'))).toBe(true);
    expect(answers(hex(sample), ID)).toBe(false);
  });

  it.each(['192.0.2.1', '2001:db8::1'])('our answer to our request tells %s', (text) => {
    const answer = bindingAnswer(bindingRequest(ID), from(text));
    expect(parseBindingResponse(answer?.bytes as Uint8Array)).toEqual({
      kind: 'success',
      mapped: from(text),
    });
    expect(answers(answer?.bytes as Uint8Array, ID)).toBe(true);
    expect(answer?.fromOtherPort).toBe(false);
  });

  it('a request without the magic cookie is one of RFC 3489 and gets MAPPED-ADDRESS', () => {
    const answer = bindingAnswer(request('0003 0004 00000000', '015fd00e'), from('192.0.2.1', 0x1234));
    expect(Buffer.from(answer?.bytes.subarray(20) ?? []).toString('hex')).toBe('0001000800011234c0000201');
  });

  it('change port is answered from the other port, change IP by error 420', () => {
    expect(bindingAnswer(bindingRequest(ID, { changePort: true }), from('192.0.2.1'))?.fromOtherPort).toBe(
      true,
    );
    const refused = bindingAnswer(request('0003 0004 00000004'), from('192.0.2.1'));
    expect(parseBindingResponse(refused?.bytes as Uint8Array)).toEqual({ kind: 'error', code: 420 });
    expect(Buffer.from(refused?.bytes.subarray(28) ?? []).toString('hex')).toBe('000a000200030000');
  });

  it.each([
    ['another method', '0002 0000 2112a442'],
    ['an indication', '0011 0000 2112a442'],
    ['a wrong length', '0001 0004 2112a442'],
  ])('%s is not answered', (_, head) => {
    expect(bindingAnswer(Uint8Array.of(...hex(head), ...ID), from('192.0.2.1'))).toBeNull();
  });

  it('an attribute that ends behind the message is not answered', () => {
    expect(bindingAnswer(request('8022 0008 20202020'), from('192.0.2.1'))).toBeNull();
  });

  it.each([
    ['no address', '01010000 2112a442'],
    ['a family that is none', '0101000c 2112a442', '0020 0008 0003 1234 c0000201'],
    ['IPv4 of 16 bytes', '01010018 2112a442', '0020 0014 0001 1234 00000000000000000000000000000000'],
    ['port 0', '0101000c 2112a442', '0020 0008 0001 2112 c0000201'],
    ['an attribute that must be understood', '01010010 2112a442', '7000 0000 0020 0008 0001 1234 c0000201'],
    ['an error without a code', '01110000 2112a442'],
    ['an error of no class', '01110008 2112a442', '0009 0004 00000000'],
  ])('a response with %s says nothing', (_, head, body = '') => {
    expect(parseBindingResponse(Uint8Array.of(...hex(head), ...ID, ...hex(body)))).toBeNull();
  });

  it('no bytes whatever make the readers throw, and every WireGuard message is told from a response', () => {
    const head = fc.constantFrom(
      [],
      [1, 1, 0, 12, 0x21, 0x12, 0xa4, 0x42],
      [0, 1, 0, 8, 0x21, 0x12, 0xa4, 0x42],
    );
    fc.assert(
      fc.property(head, fc.uint8Array({ maxLength: 120 }), (first, rest) => {
        const bytes = Uint8Array.of(...first, ...rest);
        parseBindingResponse(bytes);
        bindingAnswer(bytes, from('2001:db8::1'));
        for (let type = 1; type <= 4; type++) {
          expect(isBindingResponse(Uint8Array.of(type, 0, 0, 0, ...bytes.subarray(4)))).toBe(false);
        }
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('the STUN server', () => {
  const open: { close(): unknown }[] = [];
  afterEach(async () => {
    for (const one of open.splice(0)) await one.close();
  });

  async function server(changes: Partial<StunOptions> = {}): Promise<StunServer> {
    const stun = await serveStun({
      listen: [{ host: '127.0.0.1', port: 0 }],
      alternatePort: undefined,
      isPublic: false,
      clock: systemClock,
      log: createLogger('silent', 'test'),
      ...changes,
    });
    open.push(stun);
    return stun;
  }

  /** Sends one request; resolves with the answer and the port it came from. */
  async function ask(to: { host: string; port: number }, bytes: Uint8Array) {
    const socket: Socket = createSocket(to.host.includes(':') ? 'udp6' : 'udp4');
    open.push(socket);
    const heard = new Promise<{ bytes: Buffer; port: number; own: number }>((resolve) =>
      socket.once('message', (answer, remote) =>
        resolve({ bytes: answer, port: remote.port, own: socket.address().port }),
      ),
    );
    socket.send(bytes, to.port, to.host);
    return heard;
  }

  it('answers on two ports, on IPv4 and IPv6, with the address that the request came from', async () => {
    const stun = await server({
      listen: [
        { host: '127.0.0.1', port: 0 },
        { host: '::1', port: 0 },
      ],
    });
    expect(stun.addresses).toHaveLength(2);
    for (const { host, port, alternatePort } of stun.addresses) {
      expect(alternatePort).not.toBe(port);
      for (const one of [port, alternatePort]) {
        const answer = await ask({ host, port: one }, bindingRequest(ID));
        expect(answer.port).toBe(one);
        expect(parseBindingResponse(answer.bytes)).toEqual({
          kind: 'success',
          mapped: from(host, answer.own),
        });
      }
    }
  });

  it('answers from its other port when asked to', async () => {
    const stun = await server();
    const [{ port, alternatePort }] = stun.addresses as [StunServer['addresses'][0]];
    const answer = await ask({ host: '127.0.0.1', port }, bindingRequest(ID, { changePort: true }));
    expect(answer.port).toBe(alternatePort);
  });

  it('a socket for both families tells IPv4 clients their IPv4 address', async () => {
    const stun = await server({ listen: [{ host: '::', port: 0 }] });
    const [{ port }] = stun.addresses as [StunServer['addresses'][0]];
    const answer = await ask({ host: '127.0.0.1', port }, bindingRequest(ID));
    expect(parseBindingResponse(answer.bytes)).toEqual({
      kind: 'success',
      mapped: from('127.0.0.1', answer.own),
    });
  });

  it('SEC-23: no unauthenticated request gets more bytes back than it sent', async () => {
    const stun = await server();
    const [{ port }] = stun.addresses as [StunServer['addresses'][0]];
    const socket = createSocket('udp4');
    open.push(socket);
    await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
    let received = 0;
    const last = new Promise<void>((resolve) =>
      socket.on('message', (answer) => {
        if (answers(answer, ID)) received += answer.length;
        else resolve();
      }),
    );
    // One after the other from one socket over loopback: they are handled in this order.
    let sent = 0;
    for (let length = 0; length <= 12; length++) {
      for (const attribute of [
        '',
        '0003 0004 00000000',
        '0003 0004 00000004',
        '7001 0000',
        '7001 0000 7002 0000',
      ]) {
        const padding =
          length === 0 ? '' : `8022 ${(4 * length).toString(16).padStart(4, '0')}${'20'.repeat(4 * length)}`;
        const bytes = request(attribute + padding);
        const before = received;
        sent += bytes.length;
        await new Promise((resolve) => socket.send(bytes, port, '127.0.0.1', resolve));
        expect(received - before).toBeLessThanOrEqual(sent);
      }
    }
    socket.send(bindingRequest(new Uint8Array(12).fill(9)), port, '127.0.0.1');
    await last;
    expect(received).toBeGreaterThan(0);
    expect(received).toBeLessThanOrEqual(sent);
    expect(stun.counters.tooShort).toBeGreaterThan(5);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 19 }), (bytes) => {
        expect(bindingAnswer(bytes, from('192.0.2.1'))).toBeNull();
      }),
    );
  });

  it('a public server answers bare requests too, but five at once and not more', async () => {
    let now = 0;
    const stun = await server({ isPublic: true, clock: { monotonic: () => now, wall: () => 0 } });
    const [{ port }] = stun.addresses as [StunServer['addresses'][0]];
    const socket = createSocket('udp4');
    open.push(socket);
    let bare = 0;
    const round = async () => {
      bare = 0;
      const last = new Promise<void>((resolve) => {
        socket.removeAllListeners('message');
        socket.on('message', (answer) => {
          if (answers(answer, ID)) bare++;
          else resolve();
        });
      });
      for (let i = 0; i < 8; i++) socket.send(request(), port, '127.0.0.1');
      socket.send(bindingRequest(new Uint8Array(12).fill(9)), port, '127.0.0.1');
      await last;
      return bare;
    };
    expect(await round()).toBe(5);
    now += 2_000;
    expect(await round()).toBe(2);
    expect(stun.counters.tooShort).toBe(9);
  });

  it('an address that is taken is told', async () => {
    const stun = await server();
    const [{ port }] = stun.addresses as [StunServer['addresses'][0]];
    await expect(server({ listen: [{ host: '127.0.0.1', port }] })).rejects.toMatchObject({ code: 'in-use' });
  });

  it('uses the magic cookie of the standard', () => expect(MAGIC_COOKIE).toBe(0x2112a442));
});
