import { WarrenError } from '../../../shared/errors.ts';
import { wipe } from '../../../shared/key.ts';
import { type CreateTransportCipher, TAG_LENGTH, type TransportCipher } from '../../wireguard/aead.ts';
import type { PacketBuffer } from '../../wireguard/packet-buffer.ts';
import { loadFirst } from './load-first.ts';
import { nativeBuffer, putWord64 } from './memory.ts';

/**
 * ChaCha20-Poly1305 by Intel's Multi-Buffer Crypto library (Debian: libipsec-mb2), which makes key stream and tag with AVX512
 * in one call a packet. Its function for QUIC is the one that takes plain arguments; WireGuard's use of the AEAD is the same
 * but for the associated data, of which it has none. The library computes tags and leaves comparing them to its callers.
 */
type Word = number;
type Batch = (
  manager: Word,
  key: Word,
  direction: number,
  targets: Word,
  sources: Word,
  lengths: Word,
  nonces: Word,
  associatedData: Word,
  associatedLength: number,
  tags: Word,
  packets: number,
) => void;

/** Version 2, and the later ones of version 1: Debian 12's 1.3 does not have the function yet. */
const LIBRARIES = ['libIPSec_MB.so.2', 'libIPSec_MB.so.1'];
/** IMB_FEATURE_AVX512_SKX and IMB_FEATURE_AVX512_IFMA; without them OpenSSL is as fast or faster. */
const AVX512_WITH_IFMA = 0x20f80n;
const ENCRYPT = 1;
const DECRYPT = 2;

/** What a call is described by: arrays of one pointer or length each; then the nonce, and the tag of what is opened. */
const TARGET = 0;
const SOURCE = 8;
const LENGTH = 16;
const NONCE_POINTER = 24;
const ASSOCIATED = 32;
const TAG_POINTER = 40;
const NONCE = 48;
const TAG = 64;
const CALL_LENGTH = TAG + TAG_LENGTH;

/** One for each thread: managers are not to be shared. */
interface Library {
  batch: Batch;
  manager: Word;
  call: PacketBuffer;
}

/** Throws `unsupported` where the library is missing or this processor gains nothing by it. */
export function multiBufferCipher(): CreateTransportCipher {
  const library = openLibrary();
  return (key) => new MultiBufferCipher(library, key);
}

function openLibrary(): Library {
  let manager = 0;
  try {
    const native = loadFirst(LIBRARIES);
    const bound = (prototype: string) => native.func(prototype) as unknown;
    const features = bound('uint64_t imb_get_feature_flags()') as () => number | bigint;
    const allocate = bound('uintptr_t alloc_mb_mgr(uint64_t f)') as (flags: number) => Word;
    const start = bound('void init_mb_mgr_auto(uintptr_t m, uintptr_t a)') as (m: Word, arch: Word) => void;
    const error = bound('int imb_get_errno(uintptr_t m)') as (m: Word) => number;
    const release = bound('void free_mb_mgr(uintptr_t m)') as (m: Word) => void;
    const batch = bound(
      'void imb_quic_chacha20_poly1305(uintptr_t m, uintptr_t k, int d, uintptr_t o, uintptr_t i, uintptr_t l, uintptr_t n, uintptr_t a, uint64_t b, uintptr_t t, uint64_t p)',
    ) as Batch;
    manager = allocate(0);
    if (manager === 0) throw new Error('alloc_mb_mgr failed');
    // A thread that ends takes its module instances, and so this reference to the manager, with it.
    process.once('exit', () => release(manager));
    start(manager, 0);
    // The library tests itself when it starts.
    if (error(manager) !== 0) throw new Error(`init_mb_mgr_auto: error ${error(manager)}`);
    if ((BigInt(features()) & AVX512_WITH_IFMA) !== AVX512_WITH_IFMA) {
      throw new Error('the processor has no AVX512-IFMA');
    }
    const call = nativeBuffer(CALL_LENGTH);
    putWord64(call.view, NONCE_POINTER, call.address + NONCE);
    // No associated data, but the library refuses a null pointer.
    putWord64(call.view, ASSOCIATED, call.address + NONCE);
    return { batch, manager, call };
  } catch (cause) {
    throw new WarrenError('unsupported', 'libipsec-mb cannot be used', { cause });
  }
}

class MultiBufferCipher implements TransportCipher {
  readonly #library: Library;
  readonly #key = nativeBuffer(32);
  #ended = false;

  constructor(library: Library, key: Uint8Array) {
    this.#library = library;
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
    const { call } = this.#library;
    if (this.#ended) throw usedAfterEnd();
    putWord64(call.view, TAG_POINTER, target.address + targetOffset + length);
    clearTag(target.view, targetOffset + length);
    this.#run(ENCRYPT, counterLow, counterHigh, source, sourceOffset, length, target, targetOffset);
    checkTagMade(target.view, targetOffset + length);
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
    const { call } = this.#library;
    const { view } = call;
    const plain = length - TAG_LENGTH;
    if (this.#ended) throw usedAfterEnd();
    if (plain < 0) return false;
    putWord64(view, TAG_POINTER, call.address + TAG);
    clearTag(view, TAG);
    this.#run(DECRYPT, counterLow, counterHigh, source, sourceOffset, plain, target, targetOffset);
    checkTagMade(view, TAG);
    // Without a branch on the way: how much of a forged tag was right must not show in time.
    const sent = source.view;
    const at = sourceOffset + plain;
    const difference =
      (view.getInt32(TAG) ^ sent.getInt32(at)) |
      (view.getInt32(TAG + 4) ^ sent.getInt32(at + 4)) |
      (view.getInt32(TAG + 8) ^ sent.getInt32(at + 8)) |
      (view.getInt32(TAG + 12) ^ sent.getInt32(at + 12));
    return difference === 0;
  }

  destroy(): void {
    wipe(this.#key.bytes);
    this.#ended = true;
  }

  #run(
    direction: number,
    counterLow: number,
    counterHigh: number,
    source: PacketBuffer,
    sourceOffset: number,
    length: number,
    target: PacketBuffer,
    targetOffset: number,
  ): void {
    const { batch, manager, call } = this.#library;
    const { view, address } = call;
    putWord64(view, TARGET, target.address + targetOffset);
    putWord64(view, SOURCE, source.address + sourceOffset);
    view.setUint32(LENGTH, length, true);
    // Four zero bytes and the counter, paragraph 5.4.6.
    view.setUint32(NONCE + 4, counterLow, true);
    view.setUint32(NONCE + 8, counterHigh, true);
    batch(
      manager,
      this.#key.address,
      direction,
      address + TARGET,
      address + SOURCE,
      address + LENGTH,
      address + NONCE_POINTER,
      address + ASSOCIATED,
      0,
      address + TAG_POINTER,
      1,
    );
  }
}

const usedAfterEnd = () => new WarrenError('internal', 'a cipher was used after its end');

/** The call returns nothing. Where it did nothing, the tag stays as it was made before: all zero. */
function clearTag(view: DataView, offset: number): void {
  view.setInt32(offset, 0);
  view.setInt32(offset + 4, 0);
  view.setInt32(offset + 8, 0);
  view.setInt32(offset + 12, 0);
}

/** Only a programming error throws here: going on would send plaintext, or take a packet whose tag is all zero. */
function checkTagMade(view: DataView, offset: number): void {
  const bits =
    view.getInt32(offset) |
    view.getInt32(offset + 4) |
    view.getInt32(offset + 8) |
    view.getInt32(offset + 12);
  if (bits === 0) throw new WarrenError('internal', 'libipsec-mb did not compute a tag');
}
