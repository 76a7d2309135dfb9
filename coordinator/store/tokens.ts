import { randomBytes } from 'node:crypto';
import { WarrenError } from '../../shared/errors.ts';
import { canonicalTag } from '../network/tags.ts';
import type { Change } from './change.ts';
import { toJson, tokenFromRow } from './rows.ts';
import type { Database } from './schema.ts';
import type { AuditActor, NewToken, TokenRecord } from './store.ts';

export async function createToken(change: Change, token: NewToken, audit: AuditActor): Promise<TokenRecord> {
  const tags = token.tags.map((text) => {
    const tag = canonicalTag(text);
    if (tag === null) {
      throw new WarrenError('usage', `${JSON.stringify(text)} is not a tag`, {
        hint: 'a tag is a lower-case name of letters, digits and hyphens, such as server',
      });
    }
    return tag;
  });
  if (token.secretHash.length !== 32) throw new RangeError('a hash of a secret has 32 bytes');
  const row = {
    id: randomBytes(6).toString('hex'),
    secret_hash: token.secretHash,
    reusable: Number(token.reusable),
    ephemeral: Number(token.ephemeral),
    tags: toJson([...new Set(tags)]),
    created_at: token.createdAt,
    expires_at: token.expiresAt,
    uses: 0,
    purpose: token.purpose ?? 'node',
    owner: token.owner ?? '',
    revoked_at: null,
  };
  await change.tx.insertInto('tokens').values(row).execute();
  const kind = `${row.purpose === 'relay' ? 'for a relay, ' : ''}${token.reusable ? 'reusable' : 'one use'}${token.ephemeral ? ', ephemeral' : ''}`;
  await change.audit({
    ...audit,
    at: token.createdAt,
    action: 'token.create',
    target: row.id,
    result: 'ok',
    detail: `${kind}, until ${new Date(token.expiresAt).toISOString()}, tags ${row.tags}`,
  });
  return tokenFromRow(row);
}

export async function listTokens(db: Database): Promise<TokenRecord[]> {
  const rows = await db.selectFrom('tokens').selectAll().orderBy('created_at').orderBy('id').execute();
  return rows.map(tokenFromRow);
}

/** Revoking twice is revoking once. */
export async function revokeToken(change: Change, id: string, now: number, audit: AuditActor): Promise<void> {
  const row = await change.tx
    .selectFrom('tokens')
    .select('revoked_at')
    .where('id', '=', id)
    .executeTakeFirst();
  if (row === undefined) {
    throw new WarrenError('not-found', `there is no token ${JSON.stringify(id)}`, {
      hint: 'list the tokens to see their ids',
    });
  }
  if (row.revoked_at !== null) return;
  await change.tx.updateTable('tokens').set({ revoked_at: now }).where('id', '=', id).execute();
  await change.audit({ ...audit, at: now, action: 'token.revoke', target: id, result: 'ok', detail: '' });
}
