import dns from 'dns-packet';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readQuestion } from '../../../agent/names/question.ts';

const query = dns.encode({
  type: 'query',
  id: 0x1234,
  flags: dns.RECURSION_DESIRED,
  questions: [{ type: 'A', name: 'Oslo.Warren' }],
  additionals: [
    {
      type: 'OPT',
      name: '.',
      udpPayloadSize: 1400,
      flags: dns.DNSSEC_OK,
      options: [],
    } as unknown as dns.Answer,
  ],
});
const changed = (at: number, ...values: number[]) => {
  const bytes = Uint8Array.from(query);
  bytes.set(values, at);
  return bytes;
};

describe('a query', () => {
  it('is read as far as is needed', () => {
    expect(readQuestion(query)).toMatchObject({
      id: 0x1234,
      name: 'oslo.warren',
      type: 1,
      class: 1,
      end: 12 + 13 + 4,
      edns: { version: 0, payloadSize: 1400, dnssecOk: true },
    });
  });

  it.each([
    ['too short for a header', query.subarray(0, 11), 'short'],
    ['a response', changed(2, 0x81), 'response'],
    ['cut off in the name', query.subarray(0, 20), 'malformed'],
    ['cut off after the name', query.subarray(0, 27), 'malformed'],
    ['with a pointer for a name', changed(12, 0xc0, 0x0c), 'malformed'],
    ['with a label of 64', changed(12, 64), 'malformed'],
    ['with more records than it has', changed(11, 9), 'malformed'],
    ['of another opcode', changed(2, 0x28), { notImplemented: 4 }],
    ['with two questions', changed(5, 2), { notImplemented: 1 }],
  ])('%s is none', (_name, bytes, reason) => {
    expect(readQuestion(bytes)).toEqual(reason);
  });

  it('keeps dots within labels apart from those between them', () => {
    expect(readQuestion(changed(16, 0x2e))).toMatchObject({ name: 'osl\\046.warren' });
  });

  it('of random bytes throws nothing', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 120 }), fc.nat(query.length), (noise, at) => {
        readQuestion(noise);
        readQuestion(Uint8Array.from([...query.subarray(0, at), ...noise]));
      }),
      { numRuns: 2_000 },
    );
  });
});
