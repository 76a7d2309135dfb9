import type { WarrenError } from '../../shared/errors.ts';

/** Who may use a relay and who may meet whom there, as the coordinator decides it. */
export interface Membership {
  /**
   * The id of the node that showed this client certificate (DER), which TLS has checked; `undefined` if none was good. Throws
   * `unauthenticated` for whoever is no member, `unavailable` when nobody can tell yet.
   */
  admit(certificate: Uint8Array | undefined): Promise<string>;
  /** Whether two nodes may see each other. Asked for every frame. */
  mayMeet(a: string, b: string): boolean;
  /** Calls back once when the node is no longer a member, or its key has expired. Returns what ends the watch. */
  watch(nodeId: string, gone: (why: WarrenError) => void): () => void;
}
