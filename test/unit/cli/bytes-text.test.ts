import { expect, it } from 'vitest';
import { bytesText } from '../../../agent/cli/bytes-text.ts';

it.each([
  [0, '0 B'],
  [1023, '1023 B'],
  [1024, '1.0 KiB'],
  [454_076_577, '433.0 MiB'],
  [3 * 2 ** 40, '3.0 TiB'],
  [5_000 * 2 ** 40, '5000.0 TiB'],
])('%d bytes are %s', (count, text) => {
  expect(bytesText(count)).toBe(text);
});
