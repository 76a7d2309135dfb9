import { beforeAll, describe, expect, it } from 'vitest';
import { CookieJar } from '../../../agent/wireguard/cookie.ts';
import { cryptoReady, dh } from '../../../agent/wireguard/crypto.ts';
import { type OwnIdentity, ownIdentity, publicIdentity } from '../../../agent/wireguard/identity.ts';
import { INITIATION, RESPONSE } from '../../../agent/wireguard/messages.ts';
import {
  createInitiation,
  createResponse,
  type InitiatorState,
  openInitiation,
  openResponse,
  openTimestamp,
} from '../../../agent/wireguard/noise.ts';
import { keyToHex } from '../../../shared/key.ts';
// Made by wireguard-handshake.py beside it, independently of the code under test.
import vectors from '../../vectors/wireguard-handshake.json' with { type: 'json' };

beforeAll(cryptoReady);

const bytes = (hex: string) => new Uint8Array(Buffer.from(hex, 'hex'));

describe.each(Object.entries(vectors))('the handshake of the vector %s', (_name, vector) => {
  let initiator: OwnIdentity;
  let responder: OwnIdentity;
  let staticStatic: Uint8Array;
  const index = (hex: string) => Number.parseInt(hex, 16);

  beforeAll(() => {
    initiator = ownIdentity(bytes(vector.initiatorPrivate));
    responder = ownIdentity(bytes(vector.responderPrivate));
    staticStatic = dh(initiator.privateKey, responder.publicKey) as Uint8Array;
  });

  function initiate(message = new Uint8Array(INITIATION.size)): InitiatorState {
    return createInitiation(
      message,
      initiator,
      responder.publicKey,
      staticStatic,
      bytes(vector.initiatorEphemeral),
      index(vector.initiatorIndex),
      bytes(vector.timestamp),
    ) as InitiatorState;
  }

  it('has these public keys', () => {
    expect(keyToHex(initiator.publicKey)).toBe(vector.initiatorPublic);
    expect(keyToHex(responder.publicKey)).toBe(vector.responderPublic);
  });

  it('begins with this initiation, byte for byte', () => {
    const message = new Uint8Array(INITIATION.size);
    initiate(message);
    new CookieJar(publicIdentity(responder.publicKey)).addMacs(message, 0);
    expect(keyToHex(message)).toBe(vector.initiation);
  });

  it('carries this mac2 after this cookie reply', () => {
    const message = bytes(vector.initiation);
    const jar = new CookieJar(publicIdentity(responder.publicKey));
    jar.addMacs(message, 0);
    expect(jar.consume(bytes(vector.cookieReply), 1)).toBe(true);
    jar.addMacs(message, 2);
    expect(keyToHex(message)).toBe(vector.initiationWithCookie);
  });

  it('is answered with this response, byte for byte, and these keys', () => {
    const initiation = bytes(vector.initiation);
    const state = openInitiation(initiation, responder);
    expect(keyToHex(state?.initiatorStatic as Uint8Array)).toBe(vector.initiatorPublic);
    expect(keyToHex(openTimestamp(initiation, state as never, staticStatic) as Uint8Array)).toBe(
      vector.timestamp,
    );
    const message = new Uint8Array(RESPONSE.size);
    const keys = createResponse(
      message,
      state as never,
      bytes(vector.responderEphemeral),
      bytes(vector.presharedKey),
      index(vector.responderIndex),
      index(vector.initiatorIndex),
    );
    new CookieJar(publicIdentity(initiator.publicKey)).addMacs(message, 0);
    expect(keyToHex(message)).toBe(vector.response);
    expect(keyToHex(keys?.receiving as Uint8Array)).toBe(vector.initiatorToResponder);
    expect(keyToHex(keys?.sending as Uint8Array)).toBe(vector.responderToInitiator);
  });

  it('ends with these keys at the initiator', () => {
    const keys = openResponse(bytes(vector.response), initiator, initiate(), bytes(vector.presharedKey));
    expect(keyToHex(keys?.sending as Uint8Array)).toBe(vector.initiatorToResponder);
    expect(keyToHex(keys?.receiving as Uint8Array)).toBe(vector.responderToInitiator);
  });

  it('a forged response leaves the handshake usable', () => {
    const state = initiate();
    const forged = bytes(vector.response);
    forged[RESPONSE.encryptedNothing] = (forged[RESPONSE.encryptedNothing] as number) ^ 1;
    expect(openResponse(forged, initiator, state, bytes(vector.presharedKey))).toBeNull();
    expect(openResponse(bytes(vector.response), initiator, state, bytes(vector.presharedKey))).not.toBeNull();
  });

  it('a response under another preshared key is refused', () => {
    expect(
      openResponse(bytes(vector.response), initiator, initiate(), new Uint8Array(32).fill(9)),
    ).toBeNull();
  });

  it('an initiation for somebody else is refused', () => {
    expect(openInitiation(bytes(vector.initiation), initiator)).toBeNull();
  });

  it.each([
    INITIATION.ephemeral,
    INITIATION.encryptedStatic,
    INITIATION.encryptedStatic + 47,
    INITIATION.encryptedTimestamp,
    INITIATION.encryptedTimestamp + 27,
  ])('an initiation with a bit flipped at %d is refused', (at) => {
    const message = bytes(vector.initiation);
    message[at] = (message[at] as number) ^ 1;
    const state = openInitiation(message, responder);
    expect(state === null ? null : openTimestamp(message, state, staticStatic)).toBeNull();
  });

  it('wipes the ephemeral key and the chaining key when it is over', () => {
    const state = initiate();
    openResponse(bytes(vector.response), initiator, state, bytes(vector.presharedKey));
    expect([...state.ephemeralPrivate, ...state.chainingKey].every((byte) => byte === 0)).toBe(true);
  });
});

/** Points of small order on Curve25519, from https://cr.yp.to/ecdh.html#validate, little endian. */
const LOW_ORDER = [
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
  '5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
];

describe('SEC-16: points of low order', () => {
  it.each(LOW_ORDER)('%s yields no shared secret and no handshake, in either role', (hex) => {
    const own = ownIdentity(new Uint8Array(32).fill(7));
    expect(dh(own.privateKey, bytes(hex))).toBeNull();
    const message = new Uint8Array(INITIATION.size);
    const ephemeral = new Uint8Array(32).fill(8);
    expect(
      createInitiation(message, own, bytes(hex), new Uint8Array(32), ephemeral, 1, new Uint8Array(12)),
    ).toBeNull();
    message.set(bytes(hex), INITIATION.ephemeral);
    expect(openInitiation(message, own)).toBeNull();

    const other = ownIdentity(new Uint8Array(32).fill(9));
    const staticStatic = dh(own.privateKey, other.publicKey) as Uint8Array;
    const state = createInitiation(
      message,
      own,
      other.publicKey,
      staticStatic,
      new Uint8Array(32).fill(8),
      1,
      new Uint8Array(12),
    ) as InitiatorState;
    const response = new Uint8Array(RESPONSE.size);
    response.set(bytes(hex), RESPONSE.ephemeral);
    expect(openResponse(response, own, state, new Uint8Array(32))).toBeNull();
  });
});
