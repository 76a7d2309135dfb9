import type { AuditActor } from './audit.ts';

/** Tokens that let hosts and relays in. A part of `Store`. */
export interface TokenStore {
  createToken(token: NewToken, audit: AuditActor): Promise<TokenRecord>;
  listTokens(): Promise<TokenRecord[]>;
  revokeToken(id: string, now: number, audit: AuditActor): Promise<void>;
}

export interface NewToken {
  /** SHA-256 of the secret, 32 bytes. */
  secretHash: Uint8Array;
  reusable: boolean;
  ephemeral: boolean;
  tags: readonly string[];
  createdAt: number;
  expiresAt: number;
  /** What it admits: a node by default. */
  purpose?: TokenPurpose;
  /** Name of the user whose machines come by it; absent or empty: nobody's. */
  owner?: string;
  /** How many hosts it admits at most, null for no limit; absent: one, or no limit where it is `reusable`. */
  maxUses?: number | null;
  /** Whoever joins with it waits until an administrator approves; absent: no. */
  approval?: boolean;
  /** For people; empty if absent. */
  description?: string;
}

export type TokenPurpose = 'node' | 'relay';

export interface TokenRecord extends NewToken {
  id: string;
  purpose: TokenPurpose;
  owner: string;
  maxUses: number | null;
  approval: boolean;
  description: string;
  /** Who made it, as in the audit log. */
  createdBy: string;
  uses: number;
  revokedAt: number | null;
}
