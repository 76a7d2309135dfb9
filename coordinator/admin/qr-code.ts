import { encode } from 'uqr';

/** A QR code as one path of an SVG: squares of size 1, with the border that the standard asks for. */
export interface QrCode {
  /** Width and height. */
  size: number;
  path: string;
}

export function qrCode(text: string): QrCode {
  const { data, size } = encode(text, { border: 4, ecc: 'M' });
  const rows = data.map((row, y) => row.map((isDark, x) => (isDark ? `M${x} ${y}h1v1h-1z` : '')).join(''));
  return { size, path: rows.join('') };
}
