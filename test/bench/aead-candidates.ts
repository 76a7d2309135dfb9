/** Every way to ChaCha20-Poly1305 that was looked at, behind one interface; test/bench/aead.ts measures them. */
import { createCipheriv, createDecipheriv } from 'node:crypto';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import koffi from 'koffi';
import { NATIVE_CIPHERS } from '../../agent/drivers/linux/aead.ts';
import { nativeBuffer } from '../../agent/drivers/linux/memory.ts';
import { sodiumCipher } from '../../agent/drivers/portable/aead.ts';
import { TAG_LENGTH } from '../../agent/wireguard/aead.ts';
import type { PacketBuffer } from '../../agent/wireguard/packet-buffer.ts';

/** One packet at a time at the start of `plain` and of `sealed`; a promise where the library knows no other way. */
export interface Sealer {
  seal(counter: number, length: number): void | Promise<void>;
  /** False if the tag is wrong. */
  open(counter: number, length: number): boolean | Promise<boolean>;
}

/** What a candidate works on: the plaintext, the sealed packet, and where opened packets go. */
export interface Workplace {
  key: Uint8Array;
  plain: PacketBuffer;
  sealed: PacketBuffer;
  opened: PacketBuffer;
}

export interface Candidate {
  name: string;
  /** What a packet takes. */
  calls: string;
  /** Whether the driver takes it, and why not. */
  usable: string;
  /** Rejects where it is not on this machine. */
  make(place: Workplace): Sealer | Promise<Sealer>;
}

const NONCE_LENGTH = 12;

/** The nonce of paragraph 5.4.6. */
class Nonce {
  readonly bytes = new Uint8Array(NONCE_LENGTH);
  readonly #view = new DataView(this.bytes.buffer);
  set(counter: number): Uint8Array {
    this.#view.setUint32(4, counter, true);
    return this.bytes;
  }
}

const CALLS: Record<string, string> = {
  'libipsec-mb': 'koffi 1',
  "Node.js' OpenSSL": 'koffi 4 seal, 3 open',
  "the system's OpenSSL": 'koffi 4 seal, 3 open',
  "the system's libsodium": 'koffi 1',
};

const native: Candidate[] = NATIVE_CIPHERS.map(({ name, load }, index) => ({
  name,
  calls: CALLS[name] ?? 'koffi',
  usable: `yes, choice ${index + 1}`,
  make: ({ key, plain, sealed, opened }) => {
    const create = load();
    const [sealer, opener] = [create(key), create(key)];
    return {
      seal: (counter, length) => sealer.seal(counter, 0, plain, 0, length, sealed, 0),
      open: (counter, length) => opener.open(counter, 0, sealed, 0, length + TAG_LENGTH, opened, 0),
    };
  },
}));

const wrappers: Candidate = {
  name: 'libsodium-wrappers',
  calls: 'WebAssembly',
  usable: `yes, choice ${native.length + 1}`,
  make: async ({ key, plain, sealed, opened }) => {
    const create = await sodiumCipher();
    const cipher = create(key);
    return {
      seal: (counter, length) => cipher.seal(counter, 0, plain, 0, length, sealed, 0),
      open: (counter, length) => cipher.open(counter, 0, sealed, 0, length + TAG_LENGTH, opened, 0),
    };
  },
};

/** BoringSSL's one-call interface, as Debian's Android tools have it (package android-libboringssl). */
const boringSsl = (path: string | null): Candidate => ({
  name: "Debian's BoringSSL",
  calls: 'koffi 1',
  usable: 'no: its interface is not stable, the package not meant for others',
  make: ({ key, plain, sealed, opened }) => {
    // Deep: Node.js exports functions of the same names, which this library would call instead of its own.
    const library = koffi.load(path ?? 'android/libcrypto.so.0', { deep: true });
    const bound = (prototype: string) => library.func(prototype) as (...args: number[]) => number;
    const memory = nativeBuffer(64);
    memory.bytes.set(key, 32);
    const [nonce, outLength] = [memory.address, memory.address + 16];
    const context = bound('uintptr_t EVP_AEAD_CTX_new(uintptr_t a, uintptr_t k, size_t l, size_t t)')(
      bound('uintptr_t EVP_aead_chacha20_poly1305()')(),
      memory.address + 32,
      32,
      TAG_LENGTH,
    );
    const rest =
      'uintptr_t c, uintptr_t o, uintptr_t l, size_t m, uintptr_t n, size_t k, uintptr_t i, size_t j, uintptr_t a, size_t b';
    const [seal, open] = [bound(`int EVP_AEAD_CTX_seal(${rest})`), bound(`int EVP_AEAD_CTX_open(${rest})`)];
    return {
      seal: (counter, length) => {
        memory.view.setUint32(4, counter, true);
        seal(
          ...[context, sealed.address, outLength, length + TAG_LENGTH],
          ...[nonce, NONCE_LENGTH, plain.address, length, 0, 0],
        );
      },
      open: (counter, length) => {
        memory.view.setUint32(4, counter, true);
        const { address } = sealed;
        const room = opened.bytes.length;
        return (
          open(
            ...[context, opened.address, outLength, room],
            ...[nonce, NONCE_LENGTH, address, length + TAG_LENGTH, 0, 0],
          ) === 1
        );
      },
    };
  },
});

const nodeCrypto: Candidate = {
  name: 'node:crypto',
  calls: 'a cipher object for each packet',
  usable: 'no: slow, allocates',
  make: ({ key, plain, sealed, opened }) => {
    const nonce = new Nonce();
    const options = { authTagLength: TAG_LENGTH };
    return {
      seal: (counter, length) => {
        const cipher = createCipheriv('chacha20-poly1305', key, nonce.set(counter), options);
        sealed.bytes.set(cipher.update(plain.bytes.subarray(0, length)));
        cipher.final();
        sealed.bytes.set(cipher.getAuthTag(), length);
      },
      open: (counter, length) => {
        const cipher = createDecipheriv('chacha20-poly1305', key, nonce.set(counter), options);
        opened.bytes.set(cipher.update(sealed.bytes.subarray(0, length)));
        cipher.setAuthTag(sealed.bytes.subarray(length, length + TAG_LENGTH));
        try {
          cipher.final();
          return true;
        } catch {
          return false;
        }
      },
    };
  },
};

const webCrypto: Candidate = {
  name: 'WebCrypto',
  calls: 'a promise for each packet',
  usable: 'no: asynchronous, experimental',
  make: async ({ key, plain, sealed, opened }) => {
    const nonce = new Nonce();
    // Newer than the types of Node.js that are installed.
    const subtle = crypto.subtle as unknown as {
      importKey(...args: unknown[]): Promise<unknown>;
      encrypt(...args: unknown[]): Promise<ArrayBuffer>;
      decrypt(...args: unknown[]): Promise<ArrayBuffer>;
    };
    const name = 'ChaCha20-Poly1305';
    const imported = await subtle.importKey('raw-secret', key, name, false, ['encrypt', 'decrypt']);
    return {
      seal: async (counter, length) => {
        const iv = nonce.set(counter).slice();
        sealed.bytes.set(
          new Uint8Array(await subtle.encrypt({ name, iv }, imported, plain.bytes.subarray(0, length))),
        );
      },
      open: async (counter, length) => {
        const iv = nonce.set(counter).slice();
        try {
          const packet = sealed.bytes.subarray(0, length + TAG_LENGTH);
          opened.bytes.set(new Uint8Array(await subtle.decrypt({ name, iv }, imported, packet)));
          return true;
        } catch {
          return false;
        }
      },
    };
  },
};

/** Packages that Warren does not depend on: from the folder that --packages names. */
function fromPackages(folder: string | undefined): Candidate[] {
  const load = (name: string) => {
    if (folder === undefined) throw new Error(`--packages names no folder with ${name}`);
    return createRequire(join(folder, 'package.json')).resolve(name);
  };
  return [
    {
      name: 'sodium-native',
      calls: 'N-API 1',
      usable: 'no: slower, its library is built without AVX2',
      make: async ({ key, plain, sealed, opened }) => {
        const { default: sodium } = await import(load('sodium-native'));
        const nonce = new Nonce();
        return {
          seal: (counter, length) => {
            sodium.crypto_aead_chacha20poly1305_ietf_encrypt(
              sealed.bytes.subarray(0, length + TAG_LENGTH),
              plain.bytes.subarray(0, length),
              null,
              null,
              nonce.set(counter),
              key,
            );
          },
          open: (counter, length) => {
            try {
              sodium.crypto_aead_chacha20poly1305_ietf_decrypt(
                opened.bytes.subarray(0, length),
                null,
                sealed.bytes.subarray(0, length + TAG_LENGTH),
                null,
                nonce.set(counter),
                key,
              );
              return true;
            } catch {
              return false;
            }
          },
        };
      },
    },
    {
      name: '@noble/ciphers',
      calls: 'JavaScript',
      usable: 'no: slow',
      make: async ({ key, plain, sealed, opened }) => {
        const { chacha20poly1305 } = await import(load('@noble/ciphers/chacha.js'));
        const nonce = new Nonce();
        return {
          seal: (counter, length) => {
            const out = sealed.bytes.subarray(0, length + TAG_LENGTH);
            chacha20poly1305(key, nonce.set(counter)).encrypt(plain.bytes.subarray(0, length), out);
          },
          open: (counter, length) => {
            try {
              const packet = sealed.bytes.subarray(0, length + TAG_LENGTH);
              chacha20poly1305(key, nonce.set(counter)).decrypt(packet, opened.bytes.subarray(0, length));
              return true;
            } catch {
              return false;
            }
          },
        };
      },
    },
    {
      name: '@chainsafe/as-chacha20poly1305',
      calls: 'WebAssembly',
      usable: 'no: slow, not kept up',
      make: async ({ key, plain, sealed, opened }) => {
        const { default: loaded } = await import(load('@chainsafe/as-chacha20poly1305'));
        const cipher = new loaded.ChaCha20Poly1305(loaded.newInstance());
        const nonce = new Nonce();
        return {
          seal: (counter, length) => {
            sealed.bytes.set(cipher.seal(key, nonce.set(counter), plain.bytes.subarray(0, length)));
          },
          open: (counter, length) => {
            const packet = sealed.bytes.subarray(0, length + TAG_LENGTH);
            const plaintext = cipher.open(key, nonce.set(counter), packet);
            if (plaintext === null) return false;
            opened.bytes.set(plaintext);
            return true;
          },
        };
      },
    },
  ];
}

/**
 * All candidates. `packages` is a folder with a node_modules of those that Warren does not have, `boring` the path of
 * BoringSSL's library.
 */
export function candidates(packages: string | undefined, boring: string | null): Candidate[] {
  return [...native, wrappers, boringSsl(boring), nodeCrypto, webCrypto, ...fromPackages(packages)];
}
