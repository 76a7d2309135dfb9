import { randomBytes } from 'node:crypto';
import type { Selectable } from 'kysely';
import { WarrenError } from '../../../shared/errors.ts';
import { oneLine } from '../audit.ts';
import type { Change } from '../change.ts';
import { fromJson, toJson } from '../rows.ts';
import type { ApiKeyTable, Database } from '../schema.ts';
import type { AccountDecision, ApiKeyRecord, NewApiKey, Role, UserRecord } from './accounts.ts';
import { record, requireOwner } from './acting.ts';
import { enabledUser, requireUser } from './users.ts';

export async function createApiKey(
  change: Change,
  key: NewApiKey,
  by: AccountDecision,
): Promise<ApiKeyRecord> {
  await requireOwner(change, by);
  const user = await requireUser(change.tx, key.userId);
  if (key.scopes.length === 0) {
    throw new WarrenError('usage', 'a key without scopes could do nothing', {
      hint: 'give scopes such as machines:read, or * for all',
    });
  }
  const row = {
    id: randomBytes(6).toString('hex'),
    secret_hash: key.secretHash,
    user_id: key.userId,
    name: oneLine(key.name, 64).trim() || 'key',
    role: key.role,
    scopes: toJson([...new Set(key.scopes)].sort()),
    expires_at: key.expiresAt,
    created_at: by.now,
    last_used_at: 0,
  };
  await change.tx.insertInto('api_keys').values(row).execute();
  const until = key.expiresAt === 0 ? 'without end' : `until ${new Date(key.expiresAt).toISOString()}`;
  await record(
    change,
    by,
    'api-key.create',
    `${row.name} (${row.id})`,
    `${key.role} as ${user.name}, scopes ${row.scopes}, ${until}`,
    { after: { role: key.role, user: user.name, scopes: fromJson(row.scopes), expiresAt: key.expiresAt } },
  );
  return keyFromRow(row);
}

export async function listApiKeys(db: Database): Promise<ApiKeyRecord[]> {
  const rows = await db.selectFrom('api_keys').selectAll().orderBy('created_at').orderBy('id').execute();
  return rows.map(keyFromRow);
}

export async function apiKeyBySecret(
  db: Database,
  secretHash: Uint8Array,
): Promise<{ key: ApiKeyRecord; user: UserRecord } | null> {
  const row = await db
    .selectFrom('api_keys')
    .selectAll()
    .where('secret_hash', '=', secretHash)
    .executeTakeFirst();
  const user = row === undefined ? null : await enabledUser(db, row.user_id);
  return row === undefined || user === null ? null : { key: keyFromRow(row), user };
}

export async function touchApiKey(change: Change, id: string, now: number): Promise<void> {
  await change.tx.updateTable('api_keys').set({ last_used_at: now }).where('id', '=', id).execute();
}

export async function removeApiKey(change: Change, id: string, by: AccountDecision): Promise<void> {
  await requireOwner(change, by);
  const row = await change.tx.selectFrom('api_keys').selectAll().where('id', '=', id).executeTakeFirst();
  if (row === undefined) {
    throw new WarrenError('not-found', `there is no API key ${JSON.stringify(id.slice(0, 64))}`, {
      hint: 'it may have been removed meanwhile',
    });
  }
  await change.tx.deleteFrom('api_keys').where('id', '=', id).execute();
  const { role, scopes, expires_at: expiresAt } = row;
  await record(change, by, 'api-key.remove', `${row.name} (${id})`, '', {
    before: { role, scopes: fromJson(scopes), expiresAt },
  });
}

function keyFromRow(row: Selectable<ApiKeyTable>): ApiKeyRecord {
  return {
    id: row.id,
    userId: row.user_id,
    name: row.name,
    role: row.role as Role,
    scopes: fromJson(row.scopes),
    expiresAt: row.expires_at,
    createdAt: row.created_at,
    lastUsedAt: row.last_used_at,
  };
}
