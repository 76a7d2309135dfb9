/** The limits of the protocol, all in one place. Names and values are the paper's, section 6; times in milliseconds. */

/** 5.4: what the handshake's hash and the keys of macs and cookies begin with. */
export const CONSTRUCTION = 'Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s';
export const IDENTIFIER = 'WireGuard v1 zx2c4 Jason@zx2c4.com';
export const LABEL_MAC1 = 'mac1----';
export const LABEL_COOKIE = 'cookie--';

/** 6.1: a session is replaced by its initiator after this age. */
export const REKEY_AFTER_TIME = 120_000;
/** 6.1: a session neither sends nor accepts from this age on. */
export const REJECT_AFTER_TIME = 180_000;
/** 6.4: how long a handshake is tried before it is given up. */
export const REKEY_ATTEMPT_TIME = 90_000;
/** 6.1, 6.4: the least time between two initiations to a peer. */
export const REKEY_TIMEOUT = 5_000;
/** 6.1: random time added to REKEY_TIMEOUT, so that two ends do not stay in step. */
export const REKEY_TIMEOUT_JITTER = 333;
/** 6.5: a passive keepalive follows data received with nothing sent for this long. */
export const KEEPALIVE_TIMEOUT = 10_000;
/** 6.2: on receiving, the initiator replaces a session that has too little left for a passive keepalive and a retry. */
export const REKEY_BEFORE_REJECT = REJECT_AFTER_TIME - KEEPALIVE_TIMEOUT - REKEY_TIMEOUT;
/** 6.3: key material is wiped this long after the last session was made. */
export const ZERO_KEYS_AFTER_TIME = REJECT_AFTER_TIME * 3;

/**
 * The paper allows 2^60 and 2^64 - 2^13 - 1. Numbers here are exact to 2^53 only, so our limits are stricter: 2^48 packets
 * would need 1.5 billion a second for the whole life of a session. A received counter at or above the limit is refused.
 */
export const REKEY_AFTER_MESSAGES = 2 ** 47;
export const REJECT_AFTER_MESSAGES = 2 ** 48;

/** 5.3: a cookie secret, and a cookie in the hands of its receiver, live this long. */
export const COOKIE_SECRET_TIME = 120_000;
/** A sender stops using a cookie a little before its maker forgets the secret behind it. */
export const COOKIE_USE_TIME = COOKIE_SECRET_TIME - 5_000;
/** At most one initiation of a peer is answered in this time (50 a second). */
export const INITIATION_INTERVAL = 20;

/** 5.4.6 and RFC 6479: the ring of counters seen, and how far behind the newest a packet may be. */
export const REPLAY_RING_BITS = 8192;
export const REPLAY_WINDOW = REPLAY_RING_BITS - 64;

/** 5.4.6: plaintext is padded to a multiple of this. */
export const PADDING_MULTIPLE = 16;
/** Packets kept for a peer while a handshake runs; the oldest goes first. */
export const MAX_STAGED_PACKETS = 128;
/** Endpoints tried beside the configured one while none is confirmed. */
export const MAX_CANDIDATES = 8;
/** The largest inner packet: what an IPv4 or IPv6 header can say is 65,535 bytes, and padding may follow. */
export const MAX_PACKET = 65_535 + PADDING_MULTIPLE;
