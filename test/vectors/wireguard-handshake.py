#!/usr/bin/env python3
"""Makes wireguard-handshake.json: one WireGuard handshake with fixed keys, and the keys, macs and cookie that follow from it.

Written from the WireGuard paper (section 5.4) alone and sharing nothing with agent/wireguard: BLAKE2s and HMAC are Python's hashlib;
X25519, ChaCha20-Poly1305 and XChaCha20 follow the pseudocode of RFC 7748, RFC 8439 and draft-irtf-cfrg-xchacha, checked against their
own vectors below. A complete public vector of a WireGuard handshake is hard to come by, so the result was shown to a third
implementation: Wireshark 4.0.17, given the initiator's keys, finds both handshakes valid (wg.handshake_ok) and opens the keepalive.
"""
import hashlib, hmac, json, struct

P = 2**255 - 19

def x25519(k, u):  # RFC 7748, section 5
    k = bytearray(k); k[0] &= 248; k[31] &= 127; k[31] |= 64
    k = int.from_bytes(k, 'little'); x1 = int.from_bytes(u, 'little') & (2**255 - 1)
    x2, z2, x3, z3, swap = 1, 0, x1, 1, 0
    for t in reversed(range(255)):
        bit = (k >> t) & 1
        if swap ^ bit: x2, x3, z2, z3 = x3, x2, z3, z2
        swap = bit
        a, b, c, d = x2 + z2, x2 - z2, x3 + z3, x3 - z3
        aa, bb, da, cb = a * a, b * b, d * a, c * b
        e = aa - bb
        x3, z3 = (da + cb)**2 % P, x1 * (da - cb)**2 % P
        x2, z2 = aa * bb % P, e * (aa + 121665 * e) % P
    if swap: x2, x3, z2, z3 = x3, x2, z3, z2
    return (x2 * pow(z2, P - 2, P) % P).to_bytes(32, 'little')

BASE = (9).to_bytes(32, 'little')
rotl = lambda v, n: ((v << n) | (v >> (32 - n))) & 0xffffffff

def rounds(state):  # RFC 8439, section 2.3
    s = list(state)
    def quarter(a, b, c, d):
        s[a] = (s[a] + s[b]) & 0xffffffff; s[d] = rotl(s[d] ^ s[a], 16)
        s[c] = (s[c] + s[d]) & 0xffffffff; s[b] = rotl(s[b] ^ s[c], 12)
        s[a] = (s[a] + s[b]) & 0xffffffff; s[d] = rotl(s[d] ^ s[a], 8)
        s[c] = (s[c] + s[d]) & 0xffffffff; s[b] = rotl(s[b] ^ s[c], 7)
    for _ in range(10):
        for q in ((0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15),
                  (0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14)): quarter(*q)
    return s

CONSTANTS = struct.unpack('<4I', b'expand 32-byte k')

def block(key, counter, nonce):
    state = [*CONSTANTS, *struct.unpack('<8I', key), counter, *struct.unpack('<3I', nonce)]
    return struct.pack('<16I', *((a + b) & 0xffffffff for a, b in zip(rounds(state), state)))

def stream(key, nonce, data):
    out = bytearray()
    for i in range(0, len(data), 64):
        out += bytes(a ^ b for a, b in zip(data[i:i + 64], block(key, 1 + i // 64, nonce)))
    return bytes(out)

def poly1305(key, message):  # RFC 8439, section 2.5
    r = int.from_bytes(key[:16], 'little') & 0x0ffffffc0ffffffc0ffffffc0fffffff
    a = 0
    for i in range(0, len(message), 16):
        a = (a + int.from_bytes(message[i:i + 16] + b'\1', 'little')) * r % (2**130 - 5)
    return ((a + int.from_bytes(key[16:], 'little')) % 2**128).to_bytes(16, 'little')

def seal(key, nonce, plaintext, additional):  # RFC 8439, section 2.8
    ciphertext = stream(key, nonce, plaintext)
    pad = lambda x: x + bytes(-len(x) % 16)
    tag = poly1305(block(key, 0, nonce)[:32],
                   pad(additional) + pad(ciphertext) + struct.pack('<QQ', len(additional), len(ciphertext)))
    return ciphertext + tag

def xseal(key, nonce, plaintext, additional):  # draft-irtf-cfrg-xchacha-03, section 2
    s = rounds([*CONSTANTS, *struct.unpack('<8I', key), *struct.unpack('<4I', nonce[:16])])
    return seal(struct.pack('<8I', *(s[:4] + s[12:])), bytes(4) + nonce[16:], plaintext, additional)

# The primitives against the vectors of their own documents.
assert x25519(bytes.fromhex('a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4'),
              bytes.fromhex('e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c')
              ).hex() == 'c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552'
SUNSCREEN = (b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, "
             b'sunscreen would be it.')
assert seal(bytes(range(0x80, 0xa0)), bytes.fromhex('070000004041424344454647'), SUNSCREEN,
            bytes.fromhex('50515253c0c1c2c3c4c5c6c7'))[-16:].hex() == '1ae10b594f09e26a7e902ecbd0600691'
assert xseal(bytes(range(0x80, 0xa0)), bytes(range(0x40, 0x58)), SUNSCREEN,
             bytes.fromhex('50515253c0c1c2c3c4c5c6c7'))[-16:].hex() == 'c0875924c1c7987947deafd8780acf49'

H = lambda *parts: hashlib.blake2s(b''.join(parts)).digest()
MAC = lambda key, data: hashlib.blake2s(data, key=key, digest_size=16).digest()
HMAC = lambda key, data: hmac.new(key, data, hashlib.blake2s).digest()

def kdf(n, key, data):
    t0, out, last = HMAC(key, data), [], b''
    for i in range(1, n + 1):
        last = HMAC(t0, last + bytes([i])); out.append(last)
    return out

AEAD = lambda key, counter, plain, extra: seal(key, bytes(4) + struct.pack('<Q', counter), plain, extra)

def handshake(psk):
    si, sr, ei, er = (H(name) for name in (b'initiator', b'responder', b'ephemeral i', b'ephemeral r'))
    Si, Sr, Ei, Er = (x25519(k, BASE) for k in (si, sr, ei, er))
    ii, ir = 0x11223344, 0x99aabbcc
    timestamp = bytes.fromhex('400000006553f10a12000000')

    C = H(b'Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s')
    h = H(H(C, b'WireGuard v1 zx2c4 Jason@zx2c4.com'), Sr)
    h = H(h, Ei); (C,) = kdf(1, C, Ei)
    C, k = kdf(2, C, x25519(ei, Sr)); static = AEAD(k, 0, Si, h); h = H(h, static)
    C, k = kdf(2, C, x25519(si, Sr)); stamp = AEAD(k, 0, timestamp, h); h = H(h, stamp)
    initiation = struct.pack('<II', 1, ii) + Ei + static + stamp
    initiation += MAC(H(b'mac1----', Sr), initiation)
    cookie, nonce = bytes(range(16)), bytes(range(0x40, 0x58))
    reply = struct.pack('<II', 3, ii) + nonce + xseal(H(b'cookie--', Sr), nonce, cookie, initiation[-16:])
    with_cookie = initiation + MAC(cookie, initiation)
    initiation += bytes(16)

    h = H(h, Er); (C,) = kdf(1, C, Er)
    (C,) = kdf(1, C, x25519(er, Ei)); (C,) = kdf(1, C, x25519(er, Si))
    C, tau, k = kdf(3, C, psk); h = H(h, tau); empty = AEAD(k, 0, b'', h)
    response = struct.pack('<III', 2, ir, ii) + Er + empty
    response += MAC(H(b'mac1----', Si), response) + bytes(16)

    to_responder, to_initiator = kdf(2, C, b'')
    data = struct.pack('<IIQ', 4, ir, 0) + AEAD(to_responder, 0, b'', b'')
    return {name: value.hex() for name, value in dict(
        initiatorPrivate=si, initiatorPublic=Si, responderPrivate=sr, responderPublic=Sr,
        initiatorEphemeral=ei, responderEphemeral=er, presharedKey=psk, timestamp=timestamp,
        initiatorIndex=struct.pack('>I', ii), responderIndex=struct.pack('>I', ir),
        initiation=initiation, initiationWithCookie=with_cookie, cookie=cookie, cookieReply=reply,
        response=response, initiatorToResponder=to_responder, responderToInitiator=to_initiator,
        firstKeepalive=data).items()}

if __name__ == '__main__':
    print(json.dumps({'withoutPresharedKey': handshake(bytes(32)), 'withPresharedKey': handshake(H(b'preshared'))}, indent=2))
