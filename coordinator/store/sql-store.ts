import type { Clock } from '../../shared/clock.ts';
import { WarrenError } from '../../shared/errors.ts';
import type { NetworkSettings } from '../network/settings.ts';
import { SqlAccounts } from './accounts/sql-accounts.ts';
import * as administration from './administration.ts';
import { insertAudit, listAudit } from './audit.ts';
import { insertCertificate, nodeByCertificate } from './certificates.ts';
import { type Change, runChange } from './change.ts';
import { ChangeFeed } from './change-feed.ts';
import type { AuditActor, AuditFilter, AuditRow } from './contract/audit.ts';
import type { DeviceChoices, NewDevice } from './contract/devices.ts';
import type { CertificateRecord, JoinRecord, JoinResult } from './contract/joining.ts';
import type { NodePatch, NodeRecord, NodeReport } from './contract/nodes.ts';
import type { PolicyRecord } from './contract/policies.ts';
import type { EnrolRelayRecord, RelayFacts, RelayView } from './contract/relays.ts';
import type { NewToken } from './contract/tokens.ts';
import { SqlCoordinators } from './coordinators/sql-coordinators.ts';
import * as devices from './devices.ts';
import type { Engine } from './engine.ts';
import { changesSince, networkFromRow, prune, snapshot } from './history.ts';
import { auditJoin, joinNode } from './join.ts';
import { changeNode } from './node-standing.ts';
import { findNode, listNodes, nodeById, requireNode } from './nodes.ts';
import { beginOnce, endOnce } from './once.ts';
import * as policies from './policies.ts';
import { clearOnline, hasPresence, setOnline } from './presence.ts';
import * as relays from './relays.ts';
import { relayViews } from './relays.ts';
import { isNewReport, putReport } from './reports.ts';
import type { Database } from './schema.ts';
import { changeSettings } from './settings.ts';
import type { Store } from './store.ts';
import { createToken, listTokens, revokeToken } from './tokens.ts';

/** The store over either engine. Each method is a transaction or a read; its body is in the file of its subject. */
export class SqlStore implements Store {
  readonly #engine: Engine;
  readonly #clock: Clock;
  readonly #feed = new ChangeFeed();
  readonly accounts: SqlAccounts;
  readonly coordinators: SqlCoordinators;
  #closed = false;

  /** Takes over an engine whose schema is up to date. The clock is for audit rows of what is given no time. */
  constructor(engine: Engine, clock: Clock) {
    this.#engine = engine;
    this.#clock = clock;
    this.accounts = new SqlAccounts({
      read: (body) => this.#read(body),
      change: (body) => this.#change(body),
    });
    this.coordinators = new SqlCoordinators({
      engine,
      read: (body) => this.#read(body),
      change: (body) => this.#change(body),
    });
    engine.watch(() => this.#feed.changed());
  }

  async network() {
    return this.#read(async (db) =>
      networkFromRow(
        await db.selectFrom('network').selectAll().where('id', '=', 1).executeTakeFirstOrThrow(),
        await relayViews(db),
        await policies.currentPolicy(db),
      ),
    );
  }

  async secret(name: string) {
    const row = await this.#read((db) =>
      db.selectFrom('secrets').select('value').where('name', '=', name).executeTakeFirst(),
    );
    return row === undefined ? null : new Uint8Array(row.value);
  }

  async putSecretOnce(name: string, value: Uint8Array) {
    const stored = await this.secret(name);
    if (stored !== null) return stored;
    return this.#change(async (change) => {
      const present = await change.tx
        .selectFrom('secrets')
        .select('value')
        .where('name', '=', name)
        .executeTakeFirst();
      if (present !== undefined) return new Uint8Array(present.value);
      await change.tx.insertInto('secrets').values({ name, value }).execute();
      await change.audit(this.#ownDoing('secret.create', name));
      return value.slice();
    });
  }

  createToken(token: NewToken, by: AuditActor) {
    return this.#change((change) => createToken(change, token, by));
  }

  listTokens() {
    return this.#read(listTokens);
  }

  revokeToken(id: string, now: number, by: AuditActor) {
    return this.#change((change) => revokeToken(change, id, now, by));
  }

  async join(request: JoinRecord): Promise<JoinResult> {
    try {
      const outcome = await this.#change((change) => joinNode(change, request));
      if ('result' in outcome) return outcome.result;
    } catch (error) {
      // All of it was undone, the token's use too; what remains is to say that somebody tried.
      const why = error instanceof WarrenError ? error.code : 'internal';
      if (why !== 'unavailable') {
        await this.#change((change) => auditJoin(change, request, '', 'failed', why)).catch(() => {});
      }
      throw error;
    }
    throw tokenRefused();
  }

  node(id: string) {
    return this.#read((db) => nodeById(db, id));
  }

  nodeByCertificate(fingerprint: Uint8Array) {
    return this.#read((db) => nodeByCertificate(db, fingerprint));
  }

  findNode(nameOrId: string) {
    return this.#read((db) => findNode(db, nameOrId));
  }

  listNodes() {
    return this.#read(listNodes);
  }

  putCertificate(nodeId: string, certificate: CertificateRecord) {
    return this.#change(async (change) => {
      await requireNode(change.tx, nodeId);
      await insertCertificate(change, nodeId, certificate);
      await change.audit(this.#ownDoing('certificate.issue', nodeId));
    });
  }

  async putReport(nodeId: string, report: NodeReport, now: number) {
    if (!(await this.#read(() => isNewReport(this.#engine, nodeId, report)))) return;
    await this.#change((change) => putReport(change, nodeId, report, now));
  }

  setOnline(nodeId: string, instance: string, online: boolean, now: number) {
    return this.#change((change) => setOnline(change, nodeId, instance, online, now));
  }

  async clearOnline(instance: string, now: number) {
    if (!(await this.#read((db) => hasPresence(db, instance)))) return;
    await this.#change((change) => clearOnline(change, instance, now));
  }

  approveSegment(nodeId: string, segment: string, approved: boolean, now: number, by: AuditActor) {
    return this.#change((change) =>
      administration.approveSegment(change, nodeId, segment, approved, { ...by, now }),
    );
  }

  approveRoute(nodeId: string, route: string, approved: boolean, now: number, by: AuditActor) {
    return this.#change((change) =>
      administration.approveRoute(change, nodeId, route, approved, { ...by, now }),
    );
  }

  preferRoute(nodeId: string, route: string, preferred: boolean, now: number, by: AuditActor) {
    return this.#change((change) =>
      administration.preferRoute(change, nodeId, route, preferred, { ...by, now }),
    );
  }

  approveExitNode(nodeId: string, approved: boolean, now: number, by: AuditActor) {
    return this.#change((change) => administration.approveExitNode(change, nodeId, approved, { ...by, now }));
  }

  setTags(nodeId: string, tags: readonly string[], now: number, by: AuditActor) {
    return this.#change((change) => administration.setTags(change, nodeId, tags, { ...by, now }));
  }

  renameNode(nodeId: string, name: string, now: number, by: AuditActor) {
    return this.#change((change) => administration.renameNode(change, nodeId, name, { ...by, now }));
  }

  setKeyExpiry(nodeId: string, expiresAt: number, now: number, by: AuditActor) {
    return this.#change((change) => administration.setKeyExpiry(change, nodeId, expiresAt, { ...by, now }));
  }

  changeNode(
    nodeId: string,
    patch: NodePatch,
    now: number,
    by: AuditActor,
    check?: (node: NodeRecord) => void,
  ) {
    return this.#change((change) => changeNode(change, nodeId, patch, { ...by, now }, check));
  }

  addDevice(device: NewDevice, now: number, by: AuditActor) {
    return this.#change((change) => devices.addDevice(change, device, { ...by, now }));
  }

  handOutDevice(
    nodeId: string,
    options: DeviceChoices & { publicKey?: string },
    now: number,
    by: AuditActor,
  ) {
    return this.#change((change) => devices.handOutDevice(change, nodeId, options, { ...by, now }));
  }

  removeNode(nodeId: string, now: number, by: AuditActor) {
    return this.#change((change) => administration.removeNode(change, nodeId, { ...by, now }));
  }

  removeIfAway(nodeId: string, since: number, now: number, by: AuditActor) {
    return this.#change((change) => administration.removeIfAway(change, nodeId, since, { ...by, now }));
  }

  changeSettings(
    wanted: Partial<NetworkSettings>,
    now: number,
    by: AuditActor,
    check?: (before: NetworkSettings) => void,
  ) {
    return this.#change((change) => changeSettings(change, wanted, { ...by, now }, check));
  }

  applyPolicy(document: string, now: number, by: AuditActor, check?: (current: PolicyRecord | null) => void) {
    const row = { ...by, at: now, action: 'policy.apply', target: '' };
    return this.#policyChange(row, (change) => policies.applyPolicy(change, document, { ...by, now }, check));
  }

  restorePolicy(version: number, now: number, by: AuditActor) {
    const row = { ...by, at: now, action: 'policy.restore', target: `version ${version}` };
    return this.#policyChange(row, (change) => policies.restorePolicy(change, version, { ...by, now }));
  }

  policy(version?: number) {
    return this.#read((db) =>
      version === undefined ? policies.currentPolicy(db) : policies.policyNumbered(db, version),
    );
  }

  listPolicies() {
    return this.#read(policies.listPolicies);
  }

  putRelay(relay: RelayView & { name: string }, now: number) {
    return this.#change((change) => relays.putRelay(change, relay, now));
  }

  async enrolRelay(request: EnrolRelayRecord) {
    const outcome = await this.#change((change) => relays.enrolRelay(change, request));
    if ('relay' in outcome) return outcome;
    throw tokenRefused();
  }

  relay(id: string) {
    return this.#read((db) => relays.relayById(db, id));
  }

  putRelayFacts(relayId: string, facts: RelayFacts, now: number) {
    return this.#change((change) => relays.putRelayFacts(change, relayId, facts, now));
  }

  listRelays() {
    return this.#read(relays.listRelays);
  }

  removeRelay(relayId: string, now: number, by: AuditActor) {
    return this.#change((change) => relays.removeRelay(change, relayId, { ...by, now }));
  }

  snapshot() {
    return this.#read(() => snapshot(this.#engine));
  }

  changesSince(version: number) {
    return this.#read(() => changesSince(this.#engine, version));
  }

  onChange(listener: () => void) {
    return this.#feed.add(listener);
  }

  audit(row: AuditRow) {
    return this.#change((change) => insertAudit(change.tx, row));
  }

  listAudit(options: { limit: number; before?: number } & AuditFilter) {
    return this.#read((db) => listAudit(db, options));
  }

  beginOnce(id: string, request: string, now: number) {
    return this.#read(() => beginOnce(this.#engine, id, request, now));
  }

  endOnce(id: string, answer: Uint8Array | null) {
    return this.#read(() => endOnce(this.#engine, id, answer));
  }

  async backUp(path: string, now: number, by: AuditActor) {
    await this.#read(() => this.#engine.backUp(path));
    await this.audit({ ...by, at: now, action: 'backup.create', target: '', result: 'ok', detail: '' });
  }

  prune(before: { audit: number; removed: number }, now: number, interval = 0) {
    return this.#change((change) => prune(change, before, now, interval));
  }

  async close() {
    if (this.#closed) return;
    this.#closed = true;
    this.#feed.close();
    await this.#engine.close();
  }

  async #read<T>(body: (db: Database) => Promise<T>): Promise<T> {
    try {
      return await body(this.#engine.reader);
    } catch (error) {
      throw this.#engine.explain(error);
    }
  }

  async #change<T>(body: (change: Change) => Promise<T>): Promise<T> {
    try {
      const result = await runChange(this.#engine, body);
      this.#feed.changed();
      return result;
    } catch (error) {
      throw this.#engine.explain(error);
    }
  }

  /** A refusal undoes the transaction, and the audit log has it all the same. */
  async #policyChange<T>(
    row: Omit<AuditRow, 'result' | 'detail'>,
    body: (change: Change) => Promise<T>,
  ): Promise<T> {
    try {
      return await this.#change(body);
    } catch (error) {
      if (error instanceof WarrenError && error.code === 'corrupt') {
        await this.audit({ ...row, result: 'refused', detail: error.message });
      }
      throw error;
    }
  }

  #ownDoing(action: string, target: string): AuditRow {
    const at = this.#clock.wall();
    return { at, actor: 'system', source: '', action, target, result: 'ok', detail: '' };
  }
}

/** The same for every reason, which the audit log has. */
function tokenRefused(): WarrenError {
  return new WarrenError('unauthenticated', 'the token is not accepted', {
    hint: 'ask for a new one: a token can be expired, revoked, used already, or made for something else',
  });
}
