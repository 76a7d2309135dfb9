import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { MappingRequest } from '../../../agent/port-mapping/mapping.ts';
import {
  addressRequest,
  addressResponse,
  mapRequest,
  mapResponse,
} from '../../../agent/port-mapping/nat-pmp.ts';
import { pcpRequest, pcpResponse } from '../../../agent/port-mapping/pcp.ts';

const request: MappingRequest = {
  gateway: '192.168.1.1',
  own: '192.168.1.2',
  port: 51820,
  externalPort: 40000,
  lifetime: 7200,
  nonce: Uint8Array.from({ length: 12 }, (_, i) => i + 1),
};
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const bytes = (text: string) => Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'));

describe('PCP (RFC 6887)', () => {
  /** Figures 3 and 10: header of a response, then nonce, protocol, ports, external address. */
  const answer = (changes: { result?: string; nonce?: string; external?: string; version?: string } = {}) =>
    bytes(
      `${changes.version ?? '02'} 81 00 ${changes.result ?? '00'} 00000e10 00000005 000000000000000000000000
       ${changes.nonce ?? '0102030405060708090a0b0c'} 11 000000 ca6c 9c41
       ${changes.external ?? '00000000000000000000ffff cb007101'}`.replaceAll(/\s/g, ''),
    );

  it('asks for a mapping as the RFC lays it out', () => {
    expect(hex(pcpRequest(request))).toBe(
      '0201000000001c2000000000000000000000ffffc0a801020102030405060708090a0b0c11000000ca6c9c4000000000000000000000ffff00000000',
    );
  });

  it('reads what was mapped', () => {
    expect(pcpResponse(answer(), request)).toEqual({
      protocol: 'PCP',
      externalAddress: '203.0.113.1',
      externalPort: 40001,
      lifetime: 3600,
    });
  });

  it('tells a refusal by its number, and of a gateway that knows NAT-PMP only', () => {
    expect(pcpResponse(answer({ result: '08' }), request)).toBe(8);
    expect(pcpResponse(bytes('0081000100000000'), request)).toBe(1);
  });

  it.each([
    ['with another nonce', answer({ nonce: '0102030405060708090a0b0d' })],
    ['of another version', answer({ version: '03' })],
    ['that maps to IPv6', answer({ external: '20010db8000000000000000000000001' })],
    ['cut off', answer().subarray(0, 59)],
    ['that is a request', pcpRequest(request)],
    ['for another port', answer().with(41, 0)],
  ])('does not believe an answer %s', (_, message) => {
    expect(pcpResponse(message, request)).toBeNull();
  });
});

describe('NAT-PMP (RFC 6886)', () => {
  it('asks for address and mapping, and to take it away, as the RFC lays it out', () => {
    expect(hex(addressRequest())).toBe('0000');
    expect(hex(mapRequest(request))).toBe('00010000ca6c9c4000001c20');
    expect(hex(mapRequest({ ...request, lifetime: 0 }))).toBe('00010000ca6c000000000000');
  });

  it('reads answers and refusals', () => {
    expect(addressResponse(bytes('0080 0000 00000005 cb007101'))).toBe('203.0.113.1');
    expect(addressResponse(bytes('0080 0003 00000005 00000000'))).toBe(3);
    expect(mapResponse(bytes('0081 0000 00000005 ca6c 9c41 00000e10'), request)).toEqual({
      externalPort: 40001,
      lifetime: 3600,
    });
    expect(mapResponse(bytes('0081 0002 00000005 ca6c 0000 00000000'), request)).toBe(2);
  });

  it('does not believe answers for another port or of another kind', () => {
    expect(mapResponse(bytes('0081 0000 00000005 ca6d 9c41 00000e10'), request)).toBeNull();
    expect(mapResponse(bytes('0082 0000 00000005 ca6c 9c41 00000e10'), request)).toBeNull();
    expect(addressResponse(bytes('0081 0000 00000005 ca6c 9c41 00000e10'))).toBeNull();
  });
});

it('whatever comes back, nothing throws', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), (message) => {
      pcpResponse(message, request);
      addressResponse(message);
      mapResponse(message, request);
    }),
  );
});
