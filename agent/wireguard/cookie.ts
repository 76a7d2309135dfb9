import { wipe } from '../../shared/key.ts';
import type { Random } from '../../shared/random.ts';
import { COOKIE_SECRET_TIME, COOKIE_USE_TIME } from './constants.ts';
import { equalConstantTime, mac, xaeadOpen, xaeadSeal } from './crypto.ts';
import type { PublicIdentity } from './identity.ts';
import { COOKIE_REPLY, MAC_LENGTH, MESSAGE_COOKIE_REPLY } from './messages.ts';
import type { UdpAddress } from './udp-address.ts';

/** Both ends of 5.3 and 5.4.7: macs on handshake messages, and cookies that prove the ownership of an address under load. */

const COOKIE_LENGTH = 16;
const MACS_LENGTH = 2 * MAC_LENGTH;

/** The receiver's side, one a device: checks the macs of messages and makes cookie replies. */
export class CookieChecker {
  private readonly secret = new Uint8Array(32);
  private secretMade = Number.NEGATIVE_INFINITY;
  private readonly random: Random;

  constructor(random: Random) {
    this.random = random;
  }

  /** mac1 shows that the sender knows whom it writes to. `message` ends with mac1 and mac2. */
  hasValidMac1(message: Uint8Array, own: PublicIdentity): boolean {
    const end = message.length - MACS_LENGTH;
    return equalConstantTime(
      mac(own.mac1Key, message.subarray(0, end)),
      message.subarray(end, end + MAC_LENGTH),
    );
  }

  /** mac2 shows that the sender received a cookie at the address and port that it writes from. */
  hasValidMac2(message: Uint8Array, source: UdpAddress, now: number): boolean {
    const end = message.length - MAC_LENGTH;
    const cookie = this.cookieFor(source, now);
    const valid = equalConstantTime(mac(cookie, message.subarray(0, end)), message.subarray(end));
    wipe(cookie);
    return valid;
  }

  /** Writes into `reply` (64 bytes) the cookie for the sender of `message`, whose index is `receiver`. */
  writeReply(
    reply: Uint8Array,
    message: Uint8Array,
    receiver: number,
    source: UdpAddress,
    own: PublicIdentity,
    now: number,
  ): void {
    reply.fill(0);
    reply[0] = MESSAGE_COOKIE_REPLY;
    new DataView(reply.buffer, reply.byteOffset).setUint32(COOKIE_REPLY.receiver, receiver, true);
    const nonce = reply.subarray(COOKIE_REPLY.nonce, COOKIE_REPLY.encryptedCookie);
    this.random.fill(nonce);
    const end = message.length - MACS_LENGTH;
    const cookie = this.cookieFor(source, now);
    reply.set(
      xaeadSeal(own.cookieKey, nonce, cookie, message.subarray(end, end + MAC_LENGTH)),
      COOKIE_REPLY.encryptedCookie,
    );
    wipe(cookie);
  }

  close(): void {
    wipe(this.secret);
    this.secretMade = Number.NEGATIVE_INFINITY;
  }

  private cookieFor(source: UdpAddress, now: number): Uint8Array {
    if (now - this.secretMade >= COOKIE_SECRET_TIME) {
      this.random.fill(this.secret);
      this.secretMade = now;
    }
    // The port belongs to the cookie: behind one address of a NAT there are many hosts.
    const port = Uint8Array.of(source.port >>> 8, source.port & 0xff);
    return mac(this.secret, source.addressBytes(), port);
  }
}

/** The sender's side, one a peer: puts macs on messages and keeps the cookie that the peer gave. */
export class CookieJar {
  private readonly recipient: PublicIdentity;
  private readonly lastMac1 = new Uint8Array(MAC_LENGTH);
  private awaitsReply = false;
  private readonly cookie = new Uint8Array(COOKIE_LENGTH);
  private cookieReceived = Number.NEGATIVE_INFINITY;

  constructor(recipient: PublicIdentity) {
    this.recipient = recipient;
  }

  /** Writes mac1 and, while there is a cookie, mac2 at the end of `message`. */
  addMacs(message: Uint8Array, now: number): void {
    const mac1At = message.length - MACS_LENGTH;
    const mac2At = message.length - MAC_LENGTH;
    this.lastMac1.set(mac(this.recipient.mac1Key, message.subarray(0, mac1At)));
    this.awaitsReply = true;
    message.set(this.lastMac1, mac1At);
    if (now - this.cookieReceived < COOKIE_USE_TIME) {
      message.set(mac(this.cookie, message.subarray(0, mac2At)), mac2At);
    } else message.fill(0, mac2At);
  }

  /** Takes the cookie out of a reply; false if it does not answer the last message, or that one was answered already. */
  consume(reply: Uint8Array, now: number): boolean {
    if (!this.awaitsReply) return false;
    const cookie = xaeadOpen(
      this.recipient.cookieKey,
      reply.subarray(COOKIE_REPLY.nonce, COOKIE_REPLY.encryptedCookie),
      reply.subarray(COOKIE_REPLY.encryptedCookie, COOKIE_REPLY.size),
      this.lastMac1,
    );
    if (cookie === null) return false;
    this.cookie.set(cookie);
    wipe(cookie);
    this.cookieReceived = now;
    this.awaitsReply = false;
    return true;
  }

  close(): void {
    wipe(this.cookie);
    this.cookieReceived = Number.NEGATIVE_INFINITY;
  }
}
