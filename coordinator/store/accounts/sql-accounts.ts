import type { Access } from '../access.ts';
import type * as accounts from './accounts.ts';
import * as apiKeys from './api-keys.ts';
import * as credentials from './credentials.ts';
import { identityOf, signInByIdentity } from './identities.ts';
import * as passkeys from './passkeys.ts';
import * as sessions from './sessions.ts';
import * as tickets from './tickets.ts';
import * as users from './users.ts';

type Decision = accounts.AccountDecision;

/** Accounts over either engine. Each method is a transaction or a read; its body is in the file of its subject. */
export class SqlAccounts implements accounts.AccountStore {
  readonly #access: Access;

  constructor(access: Access) {
    this.#access = access;
  }

  hasOwner() {
    return this.#access.read(users.hasOwner);
  }
  createFirstOwner(user: accounts.NewUser, by: Decision) {
    return this.#access.change((change) => users.createFirstOwner(change, user, by));
  }
  createUser(user: accounts.NewUser, by: Decision) {
    return this.#access.change((change) => users.createUser(change, user, by));
  }
  listUsers() {
    return this.#access.read(users.listUsers);
  }
  user(id: string) {
    return this.#access.read((db) => users.userById(db, id));
  }
  userNamed(name: string) {
    return this.#access.read((db) => users.userNamed(db, name));
  }
  changeUser(
    id: string,
    changes: accounts.UserChanges,
    by: Decision,
    check: (before: accounts.UserRecord) => void = () => {},
  ) {
    return this.#access.change((change) => users.changeUser(change, id, changes, by, check));
  }
  removeUser(id: string, by: Decision) {
    return this.#access.change((change) => users.removeUser(change, id, by));
  }

  credentials(userId: string) {
    return this.#access.read((db) => credentials.credentials(db, userId));
  }
  setPassphrase(userId: string, hash: string, keepSession: string | null, by: Decision) {
    return this.#access.change((change) => credentials.setPassphrase(change, userId, hash, keepSession, by));
  }
  rehashPassphrase(userId: string, hash: string) {
    return this.#access.change((change) => credentials.rehashPassphrase(change, userId, hash));
  }
  setTotp(
    userId: string,
    totp: { sealed: Uint8Array; recoveryCodes: readonly Uint8Array[] } | null,
    by: Decision,
  ) {
    return this.#access.change((change) => credentials.setTotp(change, userId, totp, by));
  }
  useTotpStep(userId: string, step: number) {
    return this.#access.change((change) => credentials.useTotpStep(change, userId, step));
  }
  useRecoveryCode(userId: string, hash: Uint8Array, by: Decision) {
    return this.#access.change((change) => credentials.useRecoveryCode(change, userId, hash, by));
  }
  resetCredentials(userId: string, by: Decision) {
    return this.#access.change((change) => credentials.resetCredentials(change, userId, by));
  }

  addPasskey(passkey: accounts.NewPasskey, by: Decision) {
    return this.#access.change((change) => passkeys.addPasskey(change, passkey, by));
  }
  passkey(id: string) {
    return this.#access.read((db) => passkeys.passkeyById(db, id));
  }
  listPasskeys(userId: string) {
    return this.#access.read((db) => passkeys.listPasskeys(db, userId));
  }
  usePasskey(id: string, counter: number, now: number) {
    return this.#access.change((change) => passkeys.usePasskey(change, id, counter, now));
  }
  removePasskey(userId: string, id: string, by: Decision) {
    return this.#access.change((change) => passkeys.removePasskey(change, userId, id, by));
  }

  identity(userId: string) {
    return this.#access.read((db) => identityOf(db, userId));
  }
  signInByIdentity(identity: accounts.Identity, admitted: accounts.AdmittedIdentity | null, by: Decision) {
    return this.#access.change((change) => signInByIdentity(change, identity, admitted, by));
  }

  createSession(session: accounts.NewSession, by: Decision) {
    return this.#access.change((change) => sessions.createSession(change, session, by));
  }
  session(secretHash: Uint8Array) {
    return this.#access.read((db) => sessions.sessionBySecret(db, secretHash));
  }
  touchSession(id: string, now: number) {
    return this.#access.change((change) => sessions.touchSession(change, id, now));
  }
  confirmSession(id: string, hash: Uint8Array, method: string, by: Decision) {
    return this.#access.change((change) => sessions.confirmSession(change, id, hash, method, by));
  }
  listSessions(userId: string) {
    return this.#access.read((db) => sessions.listSessions(db, userId));
  }
  endSession(userId: string, id: string, by: Decision) {
    return this.#access.change((change) => sessions.endSession(change, userId, id, by));
  }
  endSessions(userId: string, except: string | null, by: Decision) {
    return this.#access.change((change) => sessions.endSessions(change, userId, except, by));
  }

  createApiKey(key: accounts.NewApiKey, by: Decision) {
    return this.#access.change((change) => apiKeys.createApiKey(change, key, by));
  }
  listApiKeys() {
    return this.#access.read(apiKeys.listApiKeys);
  }
  apiKey(secretHash: Uint8Array) {
    return this.#access.read((db) => apiKeys.apiKeyBySecret(db, secretHash));
  }
  touchApiKey(id: string, now: number) {
    return this.#access.change((change) => apiKeys.touchApiKey(change, id, now));
  }
  removeApiKey(id: string, by: Decision) {
    return this.#access.change((change) => apiKeys.removeApiKey(change, id, by));
  }

  putTicket(ticket: accounts.NewTicket) {
    return this.#access.change((change) => tickets.putTicket(change, ticket));
  }
  ticket(kind: accounts.TicketKind, hash: Uint8Array, now: number) {
    return this.#access.read((db) => tickets.goodTicket(db, kind, hash, now));
  }
  takeTicket(kind: accounts.TicketKind, hash: Uint8Array, now: number) {
    return this.#access.change((change) => tickets.takeTicket(change, kind, hash, now));
  }

  pruneAccounts(before: { used: number; created: number }, now: number) {
    return this.#access.change((change) => tickets.pruneAccounts(change, before, now));
  }
}
