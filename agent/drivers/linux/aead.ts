import koffi from 'koffi';
import { WarrenError } from '../../../shared/errors.ts';
import { wipe } from '../../../shared/key.ts';
import { type CreateTransportCipher, TAG_LENGTH, type TransportCipher } from '../../wireguard/aead.ts';
import type { PacketBuffer } from '../../wireguard/packet-buffer.ts';
import { nativeBuffer } from './memory.ts';

/**
 * ChaCha20-Poly1305 by the OpenSSL that is inside the node binary, called through its EVP interface (EVP_EncryptInit(3)).
 * A context keeps its key; per packet only the nonce is set. Buffers must have a native address.
 * bin/warren-node hides AVX512-IFMA from it, with which a packet takes two to three times as long.
 */
type Word = number;
interface Evp {
  chacha20Poly1305: () => Word;
  contextNew: () => Word;
  contextFree: (context: Word) => void;
  control: (context: Word, type: number, argument: number, pointer: Word) => number;
  encryptInit: (context: Word, cipher: Word, engine: Word, key: Word, iv: Word) => number;
  encryptUpdate: (context: Word, out: Word, outLength: Word, input: Word, length: number) => number;
  encryptFinal: (context: Word, out: Word, outLength: Word) => number;
  decryptInit: (context: Word, cipher: Word, engine: Word, key: Word, iv: Word) => number;
  decryptUpdate: (context: Word, out: Word, outLength: Word, input: Word, length: number) => number;
  decryptFinal: (context: Word, out: Word, outLength: Word) => number;
}

const CTRL_AEAD_GET_TAG = 0x10;
const CTRL_AEAD_SET_TAG = 0x11;
const NONCE_LENGTH = 12;

/**
 * Binds OpenSSL's functions. Throws `unsupported` where the node binary does not export them (a distribution's build
 * that hides its symbols).
 */
export function openSslCipher(): CreateTransportCipher {
  const evp = bindEvp();
  const cipher = evp.chacha20Poly1305();
  return (key) => new OpenSslCipher(evp, cipher, key);
}

function bindEvp(): Evp {
  try {
    const node = koffi.load(null);
    const bound = (prototype: string) => node.func(prototype) as unknown;
    const init = (name: string) =>
      bound(`int ${name}(uintptr_t c, uintptr_t t, uintptr_t e, uintptr_t k, uintptr_t i)`);
    const update = (name: string) =>
      bound(`int ${name}(uintptr_t c, uintptr_t o, uintptr_t l, uintptr_t i, int n)`);
    const final = (name: string) => bound(`int ${name}(uintptr_t c, uintptr_t o, uintptr_t l)`);
    return {
      chacha20Poly1305: bound('uintptr_t EVP_chacha20_poly1305()'),
      contextNew: bound('uintptr_t EVP_CIPHER_CTX_new()'),
      contextFree: bound('void EVP_CIPHER_CTX_free(uintptr_t c)'),
      control: bound('int EVP_CIPHER_CTX_ctrl(uintptr_t c, int t, int a, uintptr_t p)'),
      encryptInit: init('EVP_EncryptInit_ex'),
      encryptUpdate: update('EVP_EncryptUpdate'),
      encryptFinal: final('EVP_EncryptFinal_ex'),
      decryptInit: init('EVP_DecryptInit_ex'),
      decryptUpdate: update('EVP_DecryptUpdate'),
      decryptFinal: final('EVP_DecryptFinal_ex'),
    } as Evp;
  } catch (cause) {
    throw new WarrenError('unsupported', 'this node binary does not export its OpenSSL', { cause });
  }
}

class OpenSslCipher implements TransportCipher {
  readonly #evp: Evp;
  /** 0 once destroyed: OpenSSL then refuses nothing, it would read at address 0. */
  #context: Word;
  /** Four zero bytes and the counter, paragraph 5.4.6. */
  readonly #nonce = nativeBuffer(NONCE_LENGTH);
  /** OpenSSL reports lengths here; they are known. */
  readonly #outLength = nativeBuffer(8);
  /** A context serves one direction at a time; which one, its first use decides. */
  #direction: 'none' | 'seal' | 'open' = 'none';
  readonly #key = nativeBuffer(32);
  readonly #cipher: Word;

  constructor(evp: Evp, cipher: Word, key: Uint8Array) {
    this.#evp = evp;
    this.#cipher = cipher;
    this.#context = evp.contextNew();
    if (this.#context === 0) throw new WarrenError('exhausted', 'OpenSSL has no memory for a cipher');
    this.#key.bytes.set(key);
  }

  seal(
    counterLow: number,
    counterHigh: number,
    source: PacketBuffer,
    sourceOffset: number,
    length: number,
    target: PacketBuffer,
    targetOffset: number,
  ): void {
    const evp = this.#evp;
    const context = this.#context;
    const nonce = this.#nonce;
    if (context === 0) throw new WarrenError('internal', 'a cipher was used after its end');
    if (this.#direction !== 'seal') {
      evp.encryptInit(context, this.#cipher, 0, this.#key.address, nonce.address);
      this.#direction = 'seal';
    }
    nonce.view.setUint32(4, counterLow, true);
    nonce.view.setUint32(8, counterHigh, true);
    const out = target.address + targetOffset;
    const outLength = this.#outLength.address;
    const done =
      evp.encryptInit(context, 0, 0, 0, nonce.address) === 1 &&
      (length === 0 ||
        evp.encryptUpdate(context, out, outLength, source.address + sourceOffset, length) === 1) &&
      evp.encryptFinal(context, out + length, outLength) === 1 &&
      evp.control(context, CTRL_AEAD_GET_TAG, TAG_LENGTH, out + length) === 1;
    // Only a programming error gets here. Going on would put plaintext or a used nonce on the wire.
    if (!done) throw new WarrenError('internal', 'OpenSSL did not seal a packet');
  }

  open(
    counterLow: number,
    counterHigh: number,
    source: PacketBuffer,
    sourceOffset: number,
    length: number,
    target: PacketBuffer,
    targetOffset: number,
  ): boolean {
    const evp = this.#evp;
    const context = this.#context;
    const nonce = this.#nonce;
    if (context === 0) throw new WarrenError('internal', 'a cipher was used after its end');
    if (this.#direction !== 'open') {
      evp.decryptInit(context, this.#cipher, 0, this.#key.address, nonce.address);
      this.#direction = 'open';
    }
    nonce.view.setUint32(4, counterLow, true);
    nonce.view.setUint32(8, counterHigh, true);
    const plain = length - TAG_LENGTH;
    const input = source.address + sourceOffset;
    const out = target.address + targetOffset;
    const outLength = this.#outLength.address;
    return (
      evp.decryptInit(context, 0, 0, 0, nonce.address) === 1 &&
      (plain === 0 || evp.decryptUpdate(context, out, outLength, input, plain) === 1) &&
      evp.control(context, CTRL_AEAD_SET_TAG, TAG_LENGTH, input + plain) === 1 &&
      evp.decryptFinal(context, out + plain, outLength) === 1
    );
  }

  destroy(): void {
    wipe(this.#key.bytes);
    // Freeing a null pointer does nothing, so a second call is harmless.
    this.#evp.contextFree(this.#context);
    this.#context = 0;
  }
}
