import type { PacketBuffer } from './packet-buffer.ts';

/** Bytes that sealing adds. */
export const TAG_LENGTH = 16;

/**
 * ChaCha20-Poly1305 (RFC 8439) under one transport key, with empty associated data and the nonce of paragraph 5.4.6 of
 * the paper: four zero bytes and the 64-bit little-endian counter, passed as two unsigned 32-bit halves.
 */
export interface TransportCipher {
  /**
   * Encrypts `length` bytes of `source` at `sourceOffset` and writes length + 16 bytes to `target` at `targetOffset`.
   * Source and target may be one buffer only if the offsets are equal.
   */
  seal(
    counterLow: number,
    counterHigh: number,
    source: PacketBuffer,
    sourceOffset: number,
    length: number,
    target: PacketBuffer,
    targetOffset: number,
  ): void;
  /**
   * Checks and decrypts `length` bytes (tag included) and writes length - 16 bytes. False if the tag is wrong; the target
   * then holds garbage in that range.
   */
  open(
    counterLow: number,
    counterHigh: number,
    source: PacketBuffer,
    sourceOffset: number,
    length: number,
    target: PacketBuffer,
    targetOffset: number,
  ): boolean;
  /** Wipes the key and frees what is native. The cipher must not be used after. */
  destroy(): void;
}

/** Makes a cipher from 32 bytes of key. The caller keeps `key` and wipes it. */
export type CreateTransportCipher = (key: Uint8Array) => TransportCipher;
