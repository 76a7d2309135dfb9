/** Requests that are to take effect once, however often they are sent. A part of `Store`. */
export interface OnceStore {
  /**
   * Notes that a request of this id begins which is to take effect once, and returns null; or, if one began within a day, what is
   * known of it.
   */
  beginOnce(id: string, request: string, now: number): Promise<OnceRecord | null>;
  /** Keeps what was answered to it; with null it is as if it had never begun. */
  endOnce(id: string, answer: Uint8Array | null): Promise<void>;
}

export interface OnceRecord {
  /** Hash of the request. */
  request: string;
  /** Null while it is under way. */
  answer: Uint8Array | null;
}
