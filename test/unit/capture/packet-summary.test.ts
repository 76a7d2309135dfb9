import { expect, it } from 'vitest';
import { packetSummary } from '../../../agent/capture/packet-summary.ts';

const FOUR = '4500003400000000400600000a0000010a000002';
const SIX = '6000000000143a40fd000000000000000000000000000001fd000000000000000000000000000002';
const bytes = (hex: string) => Uint8Array.from(Buffer.from(hex, 'hex'));

it.each([
  ['a TCP SYN', `${FOUR}c3500016000000000000000050022000`, '10.0.0.1.50000 > 10.0.0.2.22 TCP [S] length 52'],
  [
    'a TCP push',
    `${FOUR}c3500016000000000000000050182000`,
    '10.0.0.1.50000 > 10.0.0.2.22 TCP [P.] length 52',
  ],
  ['UDP', `${FOUR.replace('4006', '4011')}003500360020abcd`, '10.0.0.1.53 > 10.0.0.2.54 UDP length 52'],
  ['a ping', `${FOUR.replace('4006', '4001')}0800`, '10.0.0.1 > 10.0.0.2 ICMP echo request, length 52'],
  ['an ICMP error', `${FOUR.replace('4006', '4001')}0301`, '10.0.0.1 > 10.0.0.2 ICMP unreachable, length 52'],
  ['ICMPv6 of a kind without a name', `${SIX}8600`, 'fd00::1 > fd00::2 ICMPv6 type 134, length 52'],
  ['another protocol', FOUR.replace('4006', '402f'), '10.0.0.1 > 10.0.0.2 protocol 47, length 52'],
  ['a header that is cut off', `${FOUR}c350`, '10.0.0.1 > 10.0.0.2 protocol 6, length 52'],
  [
    'a later fragment, whose bytes are no header',
    `${FOUR.replace('00000000400', '00000010400')}c3500016000000000000000050022000`,
    '10.0.0.1 > 10.0.0.2 fragment of protocol 6, length 52',
  ],
  ['no IP at all', '0102', 'not IP, length 52'],
  ['nothing', '', 'not IP, length 52'],
])('%s', (_what, hex, line) => {
  expect(packetSummary(bytes(hex), 52)).toBe(line);
});
