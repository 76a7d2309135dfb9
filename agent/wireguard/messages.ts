/** The four messages of section 5.4 of the paper: sizes and offsets. Integers are little endian. */

export const MESSAGE_INITIATION = 1;
export const MESSAGE_RESPONSE = 2;
export const MESSAGE_COOKIE_REPLY = 3;
export const MESSAGE_TRANSPORT = 4;

export const MAC_LENGTH = 16;

/** 5.4.2 First message: initiator to responder. */
export const INITIATION = {
  sender: 4,
  ephemeral: 8,
  encryptedStatic: 40,
  encryptedTimestamp: 88,
  mac1: 116,
  mac2: 132,
  size: 148,
} as const;

/** 5.4.3 Second message: responder to initiator. */
export const RESPONSE = {
  sender: 4,
  receiver: 8,
  ephemeral: 12,
  encryptedNothing: 44,
  mac1: 60,
  mac2: 76,
  size: 92,
} as const;

/** 5.4.7 Under load: cookie reply message. */
export const COOKIE_REPLY = { receiver: 4, nonce: 8, encryptedCookie: 32, size: 64 } as const;

/** 5.4.6 Subsequent messages: transport data. `overhead` is header and tag, the size of a keepalive. */
export const TRANSPORT = { receiver: 4, counterLow: 8, counterHigh: 12, packet: 16, overhead: 32 } as const;

/**
 * The type of a datagram whose size fits its type, or 0 if it is no WireGuard message. The three reserved bytes must be
 * zero, so type and they are read as one word.
 */
export function messageType(view: DataView, offset: number, length: number): number {
  if (length < TRANSPORT.overhead) return 0;
  const type = view.getUint32(offset, true);
  switch (type) {
    case MESSAGE_TRANSPORT:
      return type;
    case MESSAGE_INITIATION:
      return length === INITIATION.size ? type : 0;
    case MESSAGE_RESPONSE:
      return length === RESPONSE.size ? type : 0;
    case MESSAGE_COOKIE_REPLY:
      return length === COOKIE_REPLY.size ? type : 0;
    default:
      return 0;
  }
}
