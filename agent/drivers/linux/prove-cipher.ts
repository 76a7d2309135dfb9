import { WarrenError } from '../../../shared/errors.ts';
import { type CreateTransportCipher, TAG_LENGTH } from '../../wireguard/aead.ts';
import { nativeBuffer } from './memory.ts';

/** RFC 8439, appendix A.2, test vector 2: key, nonce and block counter are such that the AEAD makes the same ciphertext. */
const KEY_END = 1;
const COUNTER_HIGH = 0x02000000;
const PLAINTEXT =
  'Any submission to the IETF intended by the Contributor for publication as all or part of an IETF Internet-Draft or ' +
  'RFC and any statement made within the context of an IETF activity is considered an "IETF Contribution". Such ' +
  'statements include oral statements in IETF sessions, as well as written and electronic communications made at any ' +
  'time or place, which are addressed to';
/** The last 16 bytes of that ciphertext, and its tag without associated data, by OpenSSL 3.5 and by libsodium 1.0.20. */
const SEALED_END = 'ba5b862f3730e37cfdc4fd806c22f2211ebfdfc3a8776bc07c46a744daa9aa0d';

/**
 * Has a cipher seal a packet whose outcome is known, open it, and refuse a forged one, so that a library which is not what its
 * name says is found before the first packet. Throws WarrenError `unsupported`.
 */
export function proveCipher(create: CreateTransportCipher): void {
  const key = new Uint8Array(32);
  key[31] = KEY_END;
  const cipher = { seal: create(key), open: create(key) };
  try {
    const plaintext = new TextEncoder().encode(PLAINTEXT);
    const { length } = plaintext;
    const buffer = nativeBuffer(length + TAG_LENGTH);
    buffer.bytes.set(plaintext);
    cipher.seal.seal(0, COUNTER_HIGH, buffer, 0, length, buffer, 0);
    const sealed = buffer.bytes.slice();
    const end = Buffer.from(sealed.subarray(-SEALED_END.length / 2)).toString('hex');
    if (end !== SEALED_END) throw new WarrenError('unsupported', 'it seals a known packet wrongly');
    const opens = () => cipher.open.open(0, COUNTER_HIGH, buffer, 0, sealed.length, buffer, 0);
    if (!opens() || !Buffer.from(plaintext).equals(buffer.bytes.subarray(0, length))) {
      throw new WarrenError('unsupported', 'it does not open what it sealed');
    }
    buffer.bytes.set(sealed);
    buffer.view.setUint8(length, buffer.view.getUint8(length) ^ 0x80);
    if (opens()) throw new WarrenError('unsupported', 'it takes a forged packet');
  } catch (error) {
    if (!(error instanceof WarrenError) || error.code !== 'internal') throw error;
    throw new WarrenError('unsupported', 'it fails at a known packet', { cause: error });
  } finally {
    cipher.seal.destroy();
    cipher.open.destroy();
  }
}
