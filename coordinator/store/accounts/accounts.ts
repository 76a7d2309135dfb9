/**
 * The people who administer the network, as the coordinator remembers them. Same rules as of `Store`: every method that changes
 * something is one transaction together with its audit row. Of whatever lets somebody in, only hashes are kept.
 */
import type { Role } from '../../network/roles.ts';
import type { AuditActor } from '../contract/audit.ts';

export type { Role };

/** Who changes something of accounts, and when. */
export interface AccountDecision extends AuditActor {
  now: number;
  /** The account that acts: what it may do is looked up anew within the transaction. Null for `cli` and `system`. */
  userId: string | null;
}

export interface AccountStore {
  /** Whether anybody can sign in as an owner; while nobody can, the first run is open. */
  hasOwner(): Promise<boolean>;
  /** Makes the first owner. Throws `conflict` when there is one, so that of two at once one succeeds. */
  createFirstOwner(user: NewUser, by: AccountDecision): Promise<UserRecord>;
  /** Throws `usage` for what is no name, `already-exists`, `permission-denied` when who acts is no owner any more. */
  createUser(user: NewUser, by: AccountDecision): Promise<UserRecord>;
  /** All, by name. */
  listUsers(): Promise<UserRecord[]>;
  user(id: string): Promise<UserRecord | null>;
  /** By name in any case. */
  userNamed(name: string): Promise<UserRecord | null>;
  /**
   * Changes what is given. Throws `not-found`, `permission-denied` as above, `conflict` for the last owner's role or
   * disabling it, and for the role of an account that its provider's groups decide. Disabling ends all sessions. `check` is
   * called with the account as it is within the transaction, and may refuse by throwing.
   */
  changeUser(
    id: string,
    changes: UserChanges,
    by: AccountDecision,
    check?: (before: UserRecord) => void,
  ): Promise<UserRecord>;
  /** With sessions, keys and join tokens; machines stay and are nobody's. Throws as `changeUser`. */
  removeUser(id: string, by: AccountDecision): Promise<void>;

  credentials(userId: string): Promise<Credentials | null>;
  /** Ends all sessions but the one given, and links of before; no browser is known any more. Throws `conflict` for an account of a provider. */
  setPassphrase(userId: string, hash: string, keepSession: string | null, by: AccountDecision): Promise<void>;
  /** A hash of the same passphrase with parameters of today. */
  rehashPassphrase(userId: string, hash: string): Promise<void>;
  /** Sets the second factor and its recovery codes (hashes), or takes both away with null. */
  setTotp(
    userId: string,
    totp: { sealed: Uint8Array; recoveryCodes: readonly Uint8Array[] } | null,
    by: AccountDecision,
  ): Promise<void>;
  /** Uses up a time step. False when it, or a later one, was used before. */
  useTotpStep(userId: string, step: number): Promise<boolean>;
  useRecoveryCode(userId: string, hash: Uint8Array, by: AccountDecision): Promise<boolean>;
  /**
   * For whoever forgot: takes passphrase, second factor and passkeys away, ends sessions, enables the account; a ticket then
   * lets a new passphrase be set.
   */
  resetCredentials(userId: string, by: AccountDecision): Promise<void>;

  /** Throws `conflict` for an account of a provider. */
  addPasskey(passkey: NewPasskey, by: AccountDecision): Promise<PasskeyRecord>;
  passkey(id: string): Promise<PasskeyRecord | null>;
  listPasskeys(userId: string): Promise<PasskeyRecord[]>;
  usePasskey(id: string, counter: number, now: number): Promise<void>;
  removePasskey(userId: string, id: string, by: AccountDecision): Promise<void>;

  /** Who an account is at its provider; null for one of no provider. */
  identity(userId: string): Promise<Identity | null>;
  /**
   * The account of an identity of an OpenID Connect provider, which is made for one not seen before and brought up to what the
   * provider says. `admitted` null: nobody lets it in; sessions and keys of the account that it has end, and null comes back.
   */
  signInByIdentity(
    identity: Identity,
    admitted: AdmittedIdentity | null,
    by: AccountDecision,
  ): Promise<UserRecord | null>;

  /** With the audit row of signing in. Throws `permission-denied` for an account that is disabled or gone. */
  createSession(session: NewSession, by: AccountDecision): Promise<SessionRecord>;
  /** With the account, if that is enabled. Whether it is too old is for the caller to judge. */
  session(secretHash: Uint8Array): Promise<{ session: SessionRecord; user: UserRecord } | null>;
  touchSession(id: string, now: number): Promise<void>;
  /** Notes that whoever has a session proved anew who they are, with its audit row. `hash`: of what the browser got for it. */
  confirmSession(id: string, hash: Uint8Array, method: string, by: AccountDecision): Promise<void>;
  listSessions(userId: string): Promise<SessionRecord[]>;
  endSession(userId: string, id: string, by: AccountDecision): Promise<void>;
  /** All of an account but the one given, and no browser is known any more; how many. */
  endSessions(userId: string, except: string | null, by: AccountDecision): Promise<number>;

  createApiKey(key: NewApiKey, by: AccountDecision): Promise<ApiKeyRecord>;
  listApiKeys(): Promise<ApiKeyRecord[]>;
  /** With the account whose key it is, if that is enabled. Whether it expired is for the caller to judge. */
  apiKey(secretHash: Uint8Array): Promise<{ key: ApiKeyRecord; user: UserRecord } | null>;
  touchApiKey(id: string, now: number): Promise<void>;
  removeApiKey(id: string, by: AccountDecision): Promise<void>;

  putTicket(ticket: NewTicket): Promise<void>;
  /** One that is still good, without using it up. */
  ticket(kind: TicketKind, hash: Uint8Array, now: number): Promise<Ticket | null>;
  /** Uses a ticket up: of many at once one gets it. */
  takeTicket(kind: TicketKind, hash: Uint8Array, now: number): Promise<Ticket | null>;

  /** Forgets sessions not used or made since two times, keys and tickets that ended. */
  pruneAccounts(before: { used: number; created: number }, now: number): Promise<void>;
}

export interface NewUser {
  name: string;
  displayName: string;
  role: Role;
  /** As passphrases.ts writes it; null for who has yet to set one, or signs in otherwise. */
  passphraseHash: string | null;
}

export interface UserRecord {
  id: string;
  /** For signing in and for the policy; never changes. */
  name: string;
  displayName: string;
  role: Role;
  disabled: boolean;
  /** Whether the groups of an OpenID Connect provider decide the role. */
  isManaged: boolean;
  /** Groups of the provider, as policies name them: `GROUP@ISSUER-HOST`. */
  groups: string[];
  hasPassphrase: boolean;
  hasTotp: boolean;
  /** Raised whenever browsers that signed in before are to count as strangers: admin/accounts/known-browsers.ts. */
  browserEpoch: number;
  createdAt: number;
  /** 0 for never. */
  lastSignInAt: number;
}

export interface UserChanges {
  displayName?: string;
  role?: Role;
  disabled?: boolean;
}

export interface Credentials {
  passphraseHash: string | null;
  /** Encrypted for the key of this coordinator's folder. */
  sealedTotp: Uint8Array | null;
  recoveryCodesLeft: number;
}

export interface NewPasskey {
  /** The authenticator's id of the credential, base64url. */
  id: string;
  userId: string;
  /** COSE. */
  publicKey: Uint8Array;
  counter: number;
  transports: readonly string[];
  name: string;
  /** The host name that it is good for. */
  relyingParty: string;
}

export interface PasskeyRecord extends NewPasskey {
  createdAt: number;
  lastUsedAt: number;
}

/** Who somebody is for good: never an e-mail address, which can change hands. */
export interface Identity {
  issuer: string;
  subject: string;
}

/** What the provider says of an identity, and what the operator's rules make of it. */
export interface AdmittedIdentity {
  role: Role;
  /** Wished for; another is found where it is taken. */
  name: string;
  displayName: string;
  groups: readonly string[];
}

export interface NewSession {
  userId: string;
  /** SHA-256 of the cookie's value. */
  secretHash: Uint8Array;
  /** SHA-256 of what the browser shows for having proved who it is just now; signing in is such a proof. */
  confirmationHash: Uint8Array;
  /** How the person proved who they are: `passphrase`, `passphrase and TOTP`, `passkey`, … */
  method: string;
  address: string;
  userAgent: string;
}

export interface SessionRecord extends Omit<NewSession, 'secretHash' | 'confirmationHash'> {
  id: string;
  createdAt: number;
  usedAt: number;
  /** When whoever has it last proved who they are; 0 for never. */
  confirmedAt: number;
  confirmationHash: Uint8Array | null;
}

export interface NewApiKey {
  userId: string;
  name: string;
  secretHash: Uint8Array;
  /** Never more than that of the account at the time of use. */
  role: Role;
  scopes: readonly string[];
  /** 0 for never. */
  expiresAt: number;
}

export interface ApiKeyRecord extends Omit<NewApiKey, 'secretHash'> {
  id: string;
  createdAt: number;
  /** 0 for never. */
  lastUsedAt: number;
}

/**
 * What is good once and for a while: a link for the first run or for setting a passphrase, the wait for a second factor, a
 * challenge for a passkey, the way to a provider and back.
 */
export type TicketKind = 'first-run' | 'welcome' | 'second-factor' | 'passkey' | 'new-passkey' | 'oidc';

export interface Ticket {
  userId: string | null;
  data: string;
}

export interface NewTicket extends Ticket {
  kind: TicketKind;
  hash: Uint8Array;
  expiresAt: number;
}
