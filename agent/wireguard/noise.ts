import { wipe } from '../../shared/key.ts';
import { CONSTRUCTION, IDENTIFIER } from './constants.ts';
import { dh, hash, kdf, open, publicKeyOf, seal } from './crypto.ts';
import type { OwnIdentity } from './identity.ts';
import { INITIATION, MESSAGE_INITIATION, MESSAGE_RESPONSE, RESPONSE } from './messages.ts';

/**
 * The handshake Noise_IKpsk2, paragraphs 5.4.2 and 5.4.3 of the paper, both roles. Messages are byte arrays of exactly
 * their size without macs, which cookie.ts adds. Everything secret that a function leaves behind is in what it returns.
 */

const encoder = new TextEncoder();
const INITIAL_CHAINING_KEY = hash(encoder.encode(CONSTRUCTION));
const INITIAL_HASH = hash(INITIAL_CHAINING_KEY, encoder.encode(IDENTIFIER));
const EMPTY = new Uint8Array(0);

/** What the initiator keeps until the response comes. */
export interface InitiatorState {
  chainingKey: Uint8Array;
  hash: Uint8Array;
  ephemeralPrivate: Uint8Array;
}

/** What the responder learnt from an initiation. */
export interface ResponderState {
  chainingKey: Uint8Array;
  hash: Uint8Array;
  initiatorEphemeral: Uint8Array;
  initiatorStatic: Uint8Array;
}

/** T_send and T_recv of paragraph 5.4.5, 32 bytes each; the receiver wipes them. */
export interface SessionKeys {
  sending: Uint8Array;
  receiving: Uint8Array;
}

/** Replaces what `state.chainingKey` holds by the first output, and gives the others. */
function mixKey(state: { chainingKey: Uint8Array }, count: 1 | 2 | 3, input: Uint8Array): Uint8Array[] {
  const [chainingKey, ...rest] = kdf(count, state.chainingKey, input);
  wipe(state.chainingKey);
  state.chainingKey = chainingKey as Uint8Array;
  return rest;
}

/** Mixes a Diffie-Hellman result in; the derived key, or null when a point was of low order. */
function mixDh(
  state: { chainingKey: Uint8Array },
  privateKey: Uint8Array,
  publicKey: Uint8Array,
): Uint8Array | null {
  const shared = dh(privateKey, publicKey);
  if (shared === null) return null;
  const [key] = mixKey(state, 2, shared);
  wipe(shared);
  return key as Uint8Array;
}

/** The same where the derived key is not needed. */
function mixDhOnly(
  state: { chainingKey: Uint8Array },
  privateKey: Uint8Array,
  publicKey: Uint8Array,
): boolean {
  const shared = dh(privateKey, publicKey);
  if (shared === null) return false;
  mixKey(state, 1, shared);
  wipe(shared);
  return true;
}

/** The key derived from the precomputed static-static secret. */
function mixStatic(state: { chainingKey: Uint8Array }, staticStatic: Uint8Array): Uint8Array {
  return mixKey(state, 2, staticStatic)[0] as Uint8Array;
}

/**
 * Writes an initiation up to its macs into `message` (148 bytes). `ephemeralPrivate` (32 random bytes) is taken over.
 * `staticStatic` is DH of both static keys, which is not zero. Null when the recipient's key is of low order.
 */
export function createInitiation(
  message: Uint8Array,
  own: OwnIdentity,
  recipient: Uint8Array,
  staticStatic: Uint8Array,
  ephemeralPrivate: Uint8Array,
  sender: number,
  timestamp: Uint8Array,
): InitiatorState | null {
  const ephemeral = publicKeyOf(ephemeralPrivate);
  const state = {
    chainingKey: INITIAL_CHAINING_KEY.slice(),
    hash: hash(INITIAL_HASH, recipient),
    ephemeralPrivate,
  };
  message.fill(0);
  message[0] = MESSAGE_INITIATION;
  new DataView(message.buffer, message.byteOffset).setUint32(INITIATION.sender, sender, true);
  message.set(ephemeral, INITIATION.ephemeral);
  state.hash = hash(state.hash, ephemeral);
  mixKey(state, 1, ephemeral);

  const staticKey = mixDh(state, ephemeralPrivate, recipient);
  if (staticKey === null) {
    forgetInitiator(state);
    return null;
  }
  const sealedStatic = seal(staticKey, own.publicKey, state.hash);
  wipe(staticKey);
  message.set(sealedStatic, INITIATION.encryptedStatic);
  state.hash = hash(state.hash, sealedStatic);

  const timestampKey = mixStatic(state, staticStatic);
  const sealedTimestamp = seal(timestampKey, timestamp, state.hash);
  wipe(timestampKey);
  message.set(sealedTimestamp, INITIATION.encryptedTimestamp);
  state.hash = hash(state.hash, sealedTimestamp);
  return state;
}

/**
 * First half of reading an initiation: who claims to send it. The claim is proven only by `openTimestamp`. Null when it was
 * not made for this key.
 */
export function openInitiation(message: Uint8Array, own: OwnIdentity): ResponderState | null {
  const initiatorEphemeral = message.slice(INITIATION.ephemeral, INITIATION.ephemeral + 32);
  const state: ResponderState = {
    chainingKey: INITIAL_CHAINING_KEY.slice(),
    hash: hash(hash(INITIAL_HASH, own.publicKey), initiatorEphemeral),
    initiatorEphemeral,
    initiatorStatic: EMPTY,
  };
  mixKey(state, 1, initiatorEphemeral);
  const key = mixDh(state, own.privateKey, initiatorEphemeral);
  if (key === null) return null;
  const sealedStatic = message.subarray(INITIATION.encryptedStatic, INITIATION.encryptedTimestamp);
  const initiatorStatic = open(key, sealedStatic, state.hash);
  wipe(key);
  if (initiatorStatic === null) {
    forgetResponder(state);
    return null;
  }
  state.initiatorStatic = initiatorStatic;
  state.hash = hash(state.hash, sealedStatic);
  return state;
}

/** Second half: the TAI64N (12 bytes), which only the owner of the static key could seal; null when it is forged. */
export function openTimestamp(
  message: Uint8Array,
  state: ResponderState,
  staticStatic: Uint8Array,
): Uint8Array | null {
  const key = mixStatic(state, staticStatic);
  const sealedTimestamp = message.subarray(INITIATION.encryptedTimestamp, INITIATION.mac1);
  const timestamp = open(key, sealedTimestamp, state.hash);
  wipe(key);
  if (timestamp !== null) state.hash = hash(state.hash, sealedTimestamp);
  return timestamp;
}

/** Writes a response up to its macs into `message` (92 bytes), uses up `state`, and gives the session's keys, or null. */
export function createResponse(
  message: Uint8Array,
  state: ResponderState,
  ephemeralPrivate: Uint8Array,
  presharedKey: Uint8Array,
  sender: number,
  receiver: number,
): SessionKeys | null {
  const ephemeral = publicKeyOf(ephemeralPrivate);
  message.fill(0);
  message[0] = MESSAGE_RESPONSE;
  const view = new DataView(message.buffer, message.byteOffset);
  view.setUint32(RESPONSE.sender, sender, true);
  view.setUint32(RESPONSE.receiver, receiver, true);
  message.set(ephemeral, RESPONSE.ephemeral);
  state.hash = hash(state.hash, ephemeral);
  mixKey(state, 1, ephemeral);
  const mixed =
    mixDhOnly(state, ephemeralPrivate, state.initiatorEphemeral) &&
    mixDhOnly(state, ephemeralPrivate, state.initiatorStatic);
  wipe(ephemeralPrivate);
  if (!mixed) {
    forgetResponder(state);
    return null;
  }
  const [tau, key] = mixKey(state, 3, presharedKey) as [Uint8Array, Uint8Array];
  state.hash = hash(state.hash, tau);
  message.set(seal(key, EMPTY, state.hash), RESPONSE.encryptedNothing);
  wipe(key);
  const [receiving, sending] = kdf(2, state.chainingKey, EMPTY) as [Uint8Array, Uint8Array];
  forgetResponder(state);
  return { sending, receiving };
}

/**
 * Checks a response against the initiation that `state` came from. Null when it is forged; `state` is then untouched, so
 * that a forgery does not spoil the handshake. On success `state` is used up.
 */
export function openResponse(
  message: Uint8Array,
  own: OwnIdentity,
  state: InitiatorState,
  presharedKey: Uint8Array,
): SessionKeys | null {
  const ephemeral = message.subarray(RESPONSE.ephemeral, RESPONSE.ephemeral + 32);
  const trial = { chainingKey: state.chainingKey.slice(), hash: hash(state.hash, ephemeral) };
  mixKey(trial, 1, ephemeral);
  if (!mixDhOnly(trial, state.ephemeralPrivate, ephemeral) || !mixDhOnly(trial, own.privateKey, ephemeral)) {
    wipe(trial.chainingKey);
    return null;
  }
  const [tau, key] = mixKey(trial, 3, presharedKey) as [Uint8Array, Uint8Array];
  trial.hash = hash(trial.hash, tau);
  const nothing = open(key, message.subarray(RESPONSE.encryptedNothing, RESPONSE.mac1), trial.hash);
  wipe(key);
  if (nothing === null) {
    wipe(trial.chainingKey);
    return null;
  }
  const [sending, receiving] = kdf(2, trial.chainingKey, EMPTY) as [Uint8Array, Uint8Array];
  wipe(trial.chainingKey);
  forgetInitiator(state);
  return { sending, receiving };
}

export function forgetInitiator(state: InitiatorState): void {
  wipe(state.chainingKey);
  wipe(state.hash);
  wipe(state.ephemeralPrivate);
}

export function forgetResponder(state: ResponderState): void {
  wipe(state.chainingKey);
  wipe(state.hash);
}
