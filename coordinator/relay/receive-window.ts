/**
 * Bytes that a client may have under way to the relay. The 64 KiB that HTTP/2 begins with (RFC 9113 6.9.2) are 10 Mbit/s over
 * 50 ms.
 */
export const RECEIVE_WINDOW = 1 << 20;

interface Http2Session {
  setLocalWindowSize(bytes: number): void;
  settings(settings: { initialWindowSize: number }): void;
}

/**
 * Widens the receive window of a call and of its connection; says whether it could. @grpc/grpc-js has an option for this at
 * its client only: at the server the HTTP/2 session is within the call.
 */
export function widenWindow(call: unknown): boolean {
  const session = (call as { call?: { stream?: { session?: Http2Session } } }).call?.stream?.session;
  if (typeof session?.setLocalWindowSize !== 'function') return false;
  session.setLocalWindowSize(RECEIVE_WINDOW);
  session.settings({ initialWindowSize: RECEIVE_WINDOW });
  return true;
}
