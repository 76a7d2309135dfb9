import { randomBytes } from 'node:crypto';
import { WarrenError } from '../../shared/errors.ts';
import { canonicalTag } from '../network/tags.ts';
import type { Access } from './access.ts';
import { oneLine } from './audit.ts';
import type { Change } from './change.ts';
import type { AuditActor } from './contract/audit.ts';
import type { NewToken, TokenRecord, TokenStore } from './contract/tokens.ts';
import { toJson, tokenFromRow } from './rows.ts';
import type { Database } from './schema.ts';

/** Tokens, over either engine. */
export function sqlTokens({ read, change }: Access): TokenStore {
  return {
    createToken: (token, by) => change((within) => createToken(within, token, by)),
    listTokens: () => read(listTokens),
    revokeToken: (id, now, by) => change((within) => revokeToken(within, id, now, by)),
  };
}

/** Longest description of a token, characters. */
export const MAX_DESCRIPTION = 200;

async function createToken(change: Change, token: NewToken, audit: AuditActor): Promise<TokenRecord> {
  const tags = token.tags.map((text) => {
    const tag = canonicalTag(text);
    if (tag === null) {
      throw new WarrenError('usage', `${JSON.stringify(text)} is not a tag`, {
        hint: 'a tag is a lower-case name of letters, digits and hyphens, such as server',
      });
    }
    return tag;
  });
  const maxUses = token.maxUses === undefined ? (token.reusable ? null : 1) : token.maxUses;
  if (maxUses !== null && !(Number.isSafeInteger(maxUses) && maxUses >= 1)) {
    throw new WarrenError('usage', `a token cannot be good for ${maxUses} hosts`, { hint: 'give 1 or more' });
  }
  if (token.secretHash.length !== 32) throw new RangeError('a hash of a secret has 32 bytes');
  const row = {
    id: randomBytes(6).toString('hex'),
    secret_hash: token.secretHash,
    reusable: Number(maxUses !== 1),
    max_uses: maxUses,
    approval: Number(token.approval ?? false),
    description: oneLine(token.description ?? '', MAX_DESCRIPTION),
    created_by: audit.actor,
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
  const kind = [
    ...(row.purpose === 'relay' ? ['for a relay'] : []),
    maxUses === null ? 'reusable' : maxUses === 1 ? 'one use' : `${maxUses} uses`,
    ...(token.ephemeral ? ['ephemeral'] : []),
    ...(token.approval === true ? ['with approval'] : []),
  ].join(', ');
  await change.audit({
    ...audit,
    at: token.createdAt,
    action: 'token.create',
    target: row.id,
    result: 'ok',
    detail: `${kind}, until ${new Date(token.expiresAt).toISOString()}, tags ${row.tags}`,
    after: {
      purpose: row.purpose,
      maxUses,
      ephemeral: token.ephemeral,
      approval: row.approval !== 0,
      tags: [...new Set(tags)],
      expiresAt: row.expires_at,
      description: row.description,
    },
  });
  return tokenFromRow(row);
}

async function listTokens(db: Database): Promise<TokenRecord[]> {
  const rows = await db.selectFrom('tokens').selectAll().orderBy('created_at').orderBy('id').execute();
  return rows.map(tokenFromRow);
}

/** Revoking twice is revoking once. */
async function revokeToken(change: Change, id: string, now: number, audit: AuditActor): Promise<void> {
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
  await change.audit({
    ...audit,
    at: now,
    action: 'token.revoke',
    target: id,
    result: 'ok',
    detail: '',
    before: { revokedAt: null },
    after: { revokedAt: now },
  });
}

/** The same for every reason, which the audit log has. */
export function tokenRefused(): WarrenError {
  return new WarrenError('unauthenticated', 'the token is not accepted', {
    hint: 'ask for a new one: a token can be expired, revoked, used already, or made for something else',
  });
}
