import { randomBytes } from 'node:crypto';
import type { Selectable } from 'kysely';
import { WarrenError } from '../../shared/errors.ts';
import { relayTlsName } from '../../shared/tls-names.ts';
import { type Refusal, tokenRefusal } from '../network/joining.ts';
import { checkRelayFacts } from '../network/relay-facts.ts';
import type { Access } from './access.ts';
import type { Decision } from './administration.ts';
import type { Change } from './change.ts';
import type { AuditRow } from './contract/audit.ts';
import type { CertificateRecord } from './contract/joining.ts';
import type {
  EnrolRelayRecord,
  RelayFacts,
  RelayRecord,
  RelayStore,
  RelayView,
  StunServer,
} from './contract/relays.ts';
import { tokenFromRow } from './rows.ts';
import type { Database, RelayTable } from './schema.ts';
import { tokenRefused } from './tokens.ts';

/** Relays, over either engine. */
export function sqlRelays({ read, change }: Access): RelayStore {
  return {
    putRelay: (relay, now) => change((within) => putRelay(within, relay, now)),
    async enrolRelay(request) {
      const outcome = await change((within) => enrolRelay(within, request));
      if ('relay' in outcome) return outcome;
      throw tokenRefused();
    },
    relay: (id) => read((db) => relayById(db, id)),
    putRelayFacts: (relayId, facts, now) => change((within) => putRelayFacts(within, relayId, facts, now)),
    listRelays: () => read(listRelays),
    removeRelay: (relayId, now, by) => change((within) => removeRelay(within, relayId, { ...by, now })),
  };
}

async function listRelays(db: Database): Promise<RelayRecord[]> {
  return (await db.selectFrom('relays').selectAll().orderBy('id').execute()).map(relayFromRow);
}

export async function relayViews(db: Database): Promise<RelayView[]> {
  return (await listRelays(db)).map(({ id, urls, tlsName, stunServers }) => ({
    id,
    urls,
    tlsName,
    stunServers,
  }));
}

/** A coordinator's own relay. */
async function putRelay(change: Change, relay: RelayView & { name: string }, now: number): Promise<void> {
  const before = await relayById(change.tx, relay.id);
  if (before !== null) {
    await update(change, before, relay, relay.tlsName, now);
    return;
  }
  await insert(change, relay, now);
  await record(change, { actor: 'system', source: '', now }, 'relay.add', relay, {
    values: { after: factsOf(relay) },
  });
}

/** The relay, or the reason of the refusal, which only the audit log learns. */
async function enrolRelay(
  change: Change,
  request: EnrolRelayRecord,
): Promise<{ relay: RelayRecord; certificate: CertificateRecord } | { refusal: Refusal }> {
  const { tx } = change;
  const facts = checkRelayFacts(request.facts);
  const row = await tx
    .selectFrom('tokens')
    .selectAll()
    .where('secret_hash', '=', request.secretHash)
    .executeTakeFirst();
  const token = row === undefined ? undefined : tokenFromRow(row);
  const refusal = tokenRefusal(token, request.now, 'relay');
  const by = { actor: 'relay', source: request.remoteAddress, now: request.now };
  if (token === undefined || refusal !== null) {
    await record(change, by, 'relay.enrol', facts, {
      result: 'refused',
      detail: refusal ?? 'unknown token',
    });
    return { refusal: refusal ?? 'unknown token' };
  }
  await tx
    .updateTable('tokens')
    .set({ uses: token.uses + 1 })
    .where('id', '=', token.id)
    .execute();
  // Never taken for a node: those have hexadecimal ids alone.
  const id = `relay-${randomBytes(8).toString('hex')}`;
  const relay = { id, tlsName: relayTlsName(id), ...facts };
  const certificate = await request.issueCertificate(id, relay.tlsName);
  await insert(change, relay, request.now);
  await record(change, by, 'relay.enrol', relay, {
    detail: `token ${token.id}, ${relay.urls.join(' ')}`,
    values: { after: factsOf(relay) },
  });
  return { relay: (await relayById(tx, id)) as RelayRecord, certificate };
}

/** Agents hear of it only if something of it is new to them. */
async function putRelayFacts(
  change: Change,
  relayId: string,
  untrusted: RelayFacts,
  now: number,
): Promise<void> {
  const before = await requireRelay(change.tx, relayId);
  await update(change, before, checkRelayFacts(untrusted), before.tlsName, now);
}

async function removeRelay(change: Change, relayId: string, by: Decision): Promise<void> {
  const relay = await requireRelay(change.tx, relayId);
  await change.tx.deleteFrom('relays').where('id', '=', relayId).execute();
  change.relaysChanged();
  await record(change, by, 'relay.remove', relay, { values: { before: factsOf(relay) } });
}

async function insert(change: Change, relay: RelayView & { name: string }, now: number): Promise<void> {
  await change.tx
    .insertInto('relays')
    .values({
      id: relay.id,
      ...columns(relay, relay.tlsName),

      created_at: now,
      last_seen_at: now,
    })
    .execute();
  change.relaysChanged();
}

async function update(
  change: Change,
  before: RelayRecord,
  facts: RelayFacts,
  tlsName: string,
  now: number,
): Promise<void> {
  const after = columns(facts, tlsName);
  await change.tx
    .updateTable('relays')
    .set({ ...after, last_seen_at: now })
    .where('id', '=', before.id)
    .execute();
  if (JSON.stringify(columns(before, before.tlsName)) === JSON.stringify(after)) return;
  change.relaysChanged();
  const values = { before: factsOf(before), after: factsOf(facts) };
  await record(
    change,
    { actor: `relay:${before.id}`, source: '', now },
    'relay.change',
    { id: before.id, ...facts },
    { values },
  );
}

function columns(facts: RelayFacts, tlsName: string) {
  return {
    name: facts.name,
    urls: JSON.stringify(facts.urls),
    tls_name: tlsName,
    stun_servers: JSON.stringify(facts.stunServers),
  };
}

async function relayById(db: Database, id: string): Promise<RelayRecord | null> {
  const row = await db.selectFrom('relays').selectAll().where('id', '=', id).executeTakeFirst();
  return row === undefined ? null : relayFromRow(row);
}

async function requireRelay(db: Database, id: string): Promise<RelayRecord> {
  const relay = await relayById(db, id);
  if (relay !== null) return relay;
  throw new WarrenError('not-found', `there is no relay ${JSON.stringify(id)}`, {
    hint: '`coordinator relays list` shows those there are',
  });
}

function relayFromRow(row: Selectable<RelayTable>): RelayRecord {
  return {
    id: row.id,
    name: row.name,
    urls: JSON.parse(row.urls) as string[],
    tlsName: row.tls_name,
    stunServers: JSON.parse(row.stun_servers) as StunServer[],
    createdAt: row.created_at,
    lastSeenAt: row.last_seen_at,
  };
}

function factsOf({ name, urls, stunServers }: RelayFacts): RelayFacts {
  return { name, urls, stunServers };
}

async function record(
  change: Change,
  by: Decision,
  action: string,
  relay: { id?: string; name: string },
  {
    result = 'ok',
    detail = '',
    values = {},
  }: { result?: AuditRow['result']; detail?: string; values?: Pick<AuditRow, 'before' | 'after'> } = {},
): Promise<void> {
  const target = relay.id === undefined ? relay.name : `${relay.name} (${relay.id})`;
  await change.audit({
    at: by.now,
    actor: by.actor,
    source: by.source,
    action,
    target,
    result,
    detail,
    ...values,
  });
}
