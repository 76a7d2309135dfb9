/** Reads QR codes as a camera would, from what was shown. */
import { stripVTControlCharacters } from 'node:util';
import decodeQR from 'qr/decode.js';

const SCALE = 4;
/** Retries are bounded by time otherwise, which a busy machine has little of; milliseconds. */
const PATIENCE = 10_000;

/** RGBA, line by line. */
export interface Picture {
  width: number;
  height: number;
  data: Uint8Array;
}

/** The text of a code in a picture; throws where there is none. */
export function textInPicture(picture: Picture): string {
  return decodeQR(picture, { timeLimit: PATIENCE });
}

/** The text of a code in a terminal, with colours or without: each character is two modules, one above the other, and light is what is printed. */
export function textInTerminal(shown: string): string {
  const light = {
    '\u2588': [true, true],
    '\u2580': [true, false],
    '\u2584': [false, true],
    ' ': [false, false],
  };
  const lines = stripVTControlCharacters(shown).trimEnd().split('\n');
  const width = Math.max(...lines.map((line) => line.length)) * SCALE;
  const height = lines.length * 2 * SCALE;
  const data = new Uint8Array(width * height * 4).fill(255);
  for (let y = 0; y < height; y++) {
    const line = lines[Math.floor(y / SCALE / 2)] as string;
    for (let x = 0; x < width; x++) {
      const halves = light[line[Math.floor(x / SCALE)] as keyof typeof light];
      const isLight = halves?.[Math.floor(y / SCALE) % 2] ?? false;
      data.fill(isLight ? 255 : 0, (y * width + x) * 4, (y * width + x) * 4 + 3);
    }
  }
  return textInPicture({ width, height, data });
}
