import koffi from 'koffi';
import { WarrenError } from '../../../shared/errors.ts';
import { wipe } from '../../../shared/key.ts';
import { type CreateTransportCipher, TAG_LENGTH, type TransportCipher } from '../../wireguard/aead.ts';
import type { PacketBuffer } from '../../wireguard/packet-buffer.ts';
import { nativeBuffer, putWord64 } from './memory.ts';

/**
 * ChaCha20-Poly1305 by OpenSSL 3, called through its EVP interface (EVP_EncryptInit(3)). A context keeps its key; per packet
 * only the nonce is set. Sealing takes four calls: OpenSSL hands out the tag by a call of its own, while opening takes it with
 * the nonce. bin/warren-node hides AVX512-IFMA from OpenSSL, with which a packet takes two to three times as long.
 */
type Word = number;
interface Evp {
  chacha20Poly1305: () => Word;
  contextNew: () => Word;
  contextFree: (context: Word) => void;
  getParameters: (context: Word, parameters: Word) => number;
  encryptInit: Init;
  encryptUpdate: Update;
  encryptFinal: Final;
  decryptInit: Init;
  decryptUpdate: Update;
  decryptFinal: Final;
}
type Init = (context: Word, cipher: Word, key: Word, iv: Word, parameters: Word) => number;
type Update = (context: Word, out: Word, outLength: Word, input: Word, length: number) => number;
type Final = (context: Word, out: Word, outLength: Word) => number;

/** A cipher's native memory: what OpenSSL reads per packet, and where it reports lengths, which are known. */
const NONCE = 0;
const OUT_LENGTH = 16;
/** OSSL_PARAM(3) of the tag: name, type, data, size, returned size; then the one without a name, which ends the list. */
const TAG_NAME = 24;
const TAG_PARAMETER = 32;
const TAG_POINTER = TAG_PARAMETER + 16;
const KEY = 112;
const MEMORY_LENGTH = KEY + 32;
const OSSL_PARAM_OCTET_STRING = 5;

/** The OpenSSL inside the node binary. Throws `unsupported` where it is not exported (a distribution's build that hides it). */
export function nodeOpenSslCipher(): CreateTransportCipher {
  return openSslCipher(() => koffi.load(null));
}

/** The system's OpenSSL. Throws `unsupported` where there is none of version 3. */
export function systemOpenSslCipher(): CreateTransportCipher {
  // Deep: a node binary that exports an OpenSSL of its own would have this one call into that one.
  return openSslCipher(() => koffi.load('libcrypto.so.3', { deep: true }));
}

function openSslCipher(load: () => ReturnType<typeof koffi.load>): CreateTransportCipher {
  const evp = bindEvp(load);
  const cipher = evp.chacha20Poly1305();
  return (key) => new OpenSslCipher(evp, cipher, key);
}

function bindEvp(load: () => ReturnType<typeof koffi.load>): Evp {
  try {
    const library = load();
    const bound = (prototype: string) => library.func(prototype) as unknown;
    const init = (name: string) =>
      bound(`int ${name}(uintptr_t c, uintptr_t t, uintptr_t k, uintptr_t i, uintptr_t p)`);
    const update = (name: string) =>
      bound(`int ${name}(uintptr_t c, uintptr_t o, uintptr_t l, uintptr_t i, int n)`);
    const final = (name: string) => bound(`int ${name}(uintptr_t c, uintptr_t o, uintptr_t l)`);
    return {
      chacha20Poly1305: bound('uintptr_t EVP_chacha20_poly1305()'),
      contextNew: bound('uintptr_t EVP_CIPHER_CTX_new()'),
      contextFree: bound('void EVP_CIPHER_CTX_free(uintptr_t c)'),
      getParameters: bound('int EVP_CIPHER_CTX_get_params(uintptr_t c, uintptr_t p)'),
      encryptInit: init('EVP_EncryptInit_ex2'),
      encryptUpdate: update('EVP_EncryptUpdate'),
      encryptFinal: final('EVP_EncryptFinal_ex'),
      decryptInit: init('EVP_DecryptInit_ex2'),
      decryptUpdate: update('EVP_DecryptUpdate'),
      decryptFinal: final('EVP_DecryptFinal_ex'),
    } as Evp;
  } catch (cause) {
    throw new WarrenError('unsupported', 'its OpenSSL 3 cannot be called', { cause });
  }
}

class OpenSslCipher implements TransportCipher {
  readonly #evp: Evp;
  readonly #cipher: Word;
  /** 0 once destroyed: OpenSSL then refuses nothing, it would read at address 0. */
  #context: Word;
  readonly #memory = nativeBuffer(MEMORY_LENGTH);
  /** A context serves one direction at a time; which one, its first use decides. */
  #direction: 'none' | 'seal' | 'open' = 'none';

  constructor(evp: Evp, cipher: Word, key: Uint8Array) {
    this.#evp = evp;
    this.#cipher = cipher;
    this.#context = evp.contextNew();
    if (this.#context === 0) throw new WarrenError('exhausted', 'OpenSSL has no memory for a cipher');
    const { bytes, view, address } = this.#memory;
    bytes.set(key, KEY);
    bytes.set([0x74, 0x61, 0x67, 0], TAG_NAME); // "tag"
    putWord64(view, TAG_PARAMETER, address + TAG_NAME);
    view.setUint32(TAG_PARAMETER + 8, OSSL_PARAM_OCTET_STRING, true);
    putWord64(view, TAG_PARAMETER + 24, TAG_LENGTH);
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
    const { view, address } = this.#memory;
    if (context === 0) throw new WarrenError('internal', 'a cipher was used after its end');
    if (this.#direction !== 'seal') {
      evp.encryptInit(context, this.#cipher, address + KEY, address, 0);
      this.#direction = 'seal';
    }
    // Four zero bytes and the counter, paragraph 5.4.6.
    view.setUint32(NONCE + 4, counterLow, true);
    view.setUint32(NONCE + 8, counterHigh, true);
    const out = target.address + targetOffset;
    const outLength = address + OUT_LENGTH;
    putWord64(view, TAG_POINTER, out + length);
    const done =
      evp.encryptInit(context, 0, 0, address + NONCE, 0) === 1 &&
      (length === 0 ||
        evp.encryptUpdate(context, out, outLength, source.address + sourceOffset, length) === 1) &&
      evp.encryptFinal(context, out + length, outLength) === 1 &&
      evp.getParameters(context, address + TAG_PARAMETER) === 1;
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
    const { view, address } = this.#memory;
    if (context === 0) throw new WarrenError('internal', 'a cipher was used after its end');
    const plain = length - TAG_LENGTH;
    if (plain < 0) return false;
    if (this.#direction !== 'open') {
      evp.decryptInit(context, this.#cipher, address + KEY, address, 0);
      this.#direction = 'open';
    }
    view.setUint32(NONCE + 4, counterLow, true);
    view.setUint32(NONCE + 8, counterHigh, true);
    const input = source.address + sourceOffset;
    const out = target.address + targetOffset;
    const outLength = address + OUT_LENGTH;
    // OpenSSL copies the tag at once, so it may lie where the plaintext will end.
    putWord64(view, TAG_POINTER, input + plain);
    return (
      evp.decryptInit(context, 0, 0, address + NONCE, address + TAG_PARAMETER) === 1 &&
      (plain === 0 || evp.decryptUpdate(context, out, outLength, input, plain) === 1) &&
      evp.decryptFinal(context, out + plain, outLength) === 1
    );
  }

  destroy(): void {
    wipe(this.#memory.bytes);
    // Freeing a null pointer does nothing, so a second call is harmless.
    this.#evp.contextFree(this.#context);
    this.#context = 0;
  }
}
