import { randomBytes } from 'node:crypto';
import { WarrenError } from '../../shared/errors.ts';
import { slotAddress } from '../network/address-pool.ts';
import { type EarlierUse, isRetry, type Refusal, rejoin, tokenRefusal } from '../network/joining.ts';
import { dnsLabel, freeLabel } from '../network/names.ts';
import { checkOffers } from '../network/offers.ts';
import type { Access } from './access.ts';
import { oneLine, ownDoing } from './audit.ts';
import { insertCertificate, nodeByCertificate } from './certificates.ts';
import type { Change } from './change.ts';
import type { JoinRecord, JoinResult, JoinStore } from './contract/joining.ts';
import type { NodeRecord } from './contract/nodes.ts';
import type { TokenRecord } from './contract/tokens.ts';
import { nodeById, requireNode } from './nodes.ts';
import { tellOfOverlaps } from './overlaps.ts';
import { ownership } from './ownership.ts';
import { approveOffers } from './policies.ts';
import { nodeFromRow, toJson, tokenFromRow } from './rows.ts';
import { tokenRefused } from './tokens.ts';

/** Joining, and the certificates by which nodes are known afterwards, over either engine. */
export function sqlJoining({ clock, read, change }: Access): JoinStore {
  return {
    async join(request) {
      try {
        const outcome = await change((within) => joinNode(within, request));
        if ('result' in outcome) return outcome.result;
      } catch (error) {
        // All of it was undone, the token's use too; what remains is to say that somebody tried.
        const why = error instanceof WarrenError ? error.code : 'internal';
        if (why !== 'unavailable') {
          await change((within) => auditJoin(within, request, '', 'failed', why)).catch(() => {});
        }
        throw error;
      }
      throw tokenRefused();
    },
    putCertificate: (nodeId, certificate) =>
      change(async (within) => {
        await requireNode(within.tx, nodeId);
        await insertCertificate(within, nodeId, certificate);
        await within.audit(ownDoing(clock, 'certificate.issue', nodeId));
      }),
    nodeByCertificate: (fingerprint) => read((db) => nodeByCertificate(db, fingerprint)),
  };
}

const NO_OFFERS = { routes: [], exitNode: false };

/** Either a member or the reason that only the audit log learns. */
type JoinOutcome = { result: JoinResult } | { refusal: Refusal };

/** The whole of joining, in one transaction. Throws `exhausted`; a refusal is returned, so that its audit row is kept. */
async function joinNode(change: Change, request: JoinRecord): Promise<JoinOutcome> {
  const { tx } = change;
  const row = await tx
    .selectFrom('tokens')
    .selectAll()
    .where('secret_hash', '=', request.secretHash)
    .executeTakeFirst();
  const token = row === undefined ? undefined : tokenFromRow(row);
  const member = await tx
    .selectFrom('nodes')
    .selectAll()
    .where('public_key', '=', request.publicKey)
    .executeTakeFirst();
  const refusal = tokenRefusal(token, request.now, 'node');
  const again =
    token !== undefined &&
    refusal !== null &&
    isRetry(refusal, member === undefined ? null : await earlierUse(change, member, token), request.now);
  if (token === undefined || (refusal !== null && !again)) {
    await auditJoin(change, request, token?.id ?? '', 'refused', refusal ?? 'unknown token');
    return { refusal: refusal ?? 'unknown token' };
  }
  if (member !== undefined && member.device !== null) {
    throw new WarrenError(
      'already-exists',
      `this key is that of ${member.name}, which runs plain WireGuard`,
      {
        hint: 'remove that device, or join with a key of its own',
      },
    );
  }
  if (!again) {
    await tx
      .updateTable('tokens')
      .set({ uses: token.uses + 1 })
      .where('id', '=', token.id)
      .execute();
  }

  const { offers, refused } = checkOffers(request.offers, change.overlay());
  const reported = {
    operating_system: oneLine(request.operatingSystem, 64),
    agent_version: oneLine(request.agentVersion, 64),
    offered_routes: toJson(offers.routes),
    offered_exit_node: Number(offers.exitNode),
    offered_tags: toJson(offers.tags),
    offered_mappings: JSON.stringify(offers.mappings),
    ephemeral: Number(token.ephemeral),
    ...(await ownership(tx, token.owner)),
    last_seen_at: request.now,
    version: change.version(),
  };
  const id =
    member === undefined
      ? await insertNode(change, request, token, reported)
      : await updateMember(change, nodeFromRow(member), token, reported, request.now);

  const certificate = await request.issueCertificate(id);
  await insertCertificate(change, id, certificate);
  const before = member === undefined ? NO_OFFERS : nodeFromRow(member).offers;
  if (member !== undefined) {
    await tellOfOverlaps(change, nodeFromRow(member), (await nodeById(tx, id)) as NodeRecord);
  }
  await approveOffers(change, (await nodeById(tx, id)) as NodeRecord, before, request.now);
  const node = (await nodeById(tx, id)) as NodeRecord;
  const detail = [
    `${member === undefined ? 'new' : 'again'}, ${byToken(token.id)}`,
    `addresses ${node.address4} ${node.address6}`,
    ...(node.approved ? [] : ['waits for approval']),
    ...refused.map((what) => `not taken: ${what}`),
  ].join(', ');
  await auditJoin(change, request, `${node.name} (${id})`, 'ok', detail);
  return { result: { node, rejoined: member !== undefined, certificate } };
}

const byToken = (tokenId: string) => `token ${tokenId}`;

/** What the audit log, which nobody can change, knows of a member and the token that comes with its key. */
async function earlierUse(
  { tx }: Change,
  member: { public_key: string; key_expires_at: number },
  token: TokenRecord,
): Promise<EarlierUse> {
  const row = await tx
    .selectFrom('audit')
    .select('id')
    .where('at', '>=', token.createdAt)
    .where('action', '=', 'node.join')
    .where('actor', '=', `key:${member.public_key}`)
    .where('result', '=', 'ok')
    .where((where) =>
      // From the text's beginning: what comes at its end was the host's to choose.
      where.or(['new', 'again'].map((how) => where('detail', 'like', `${how}, ${byToken(token.id)}, %`))),
    )
    .executeTakeFirst();
  return { joinedByToken: row !== undefined, keyExpiresAt: member.key_expires_at };
}

/** The audit row of a request to join, whatever came of it. */
async function auditJoin(
  change: Change,
  request: JoinRecord,
  target: string,
  result: 'ok' | 'refused' | 'failed',
  detail: string,
): Promise<void> {
  await change.audit({
    at: request.now,
    actor: `key:${oneLine(request.publicKey, 64)}`,
    source: request.remoteAddress,
    action: 'node.join',
    target,
    result,
    detail: `${detail}, wished for ${JSON.stringify(request.name.slice(0, 128))}`,
  });
}

type Reported = Record<
  'operating_system' | 'agent_version' | 'offered_routes' | 'offered_tags' | 'offered_mappings',
  string
> &
  Record<'offered_exit_node' | 'ephemeral' | 'last_seen_at' | 'version', number> & {
    owner?: string;
    owner_groups?: string;
    owner_role?: string;
  };

async function insertNode(
  change: Change,
  request: JoinRecord,
  token: TokenRecord,
  reported: Reported,
): Promise<string> {
  const { tx } = change;
  const [prefix4, prefix6] = change.overlay();
  const slot = await change.takeSlot();
  if (slot === null) {
    throw new WarrenError('exhausted', 'the network has no address left for another node', {
      hint: 'remove nodes that are gone; the range itself is chosen when a network is made (--network)',
    });
  }
  const isTaken = async (name: string) =>
    (await tx.selectFrom('nodes').select('id').where('name', '=', name).executeTakeFirst()) !== undefined;
  const id = randomBytes(10).toString('hex');
  await tx
    .insertInto('nodes')
    .values({
      ...reported,
      id,
      name: await freeLabel(dnsLabel(request.name), isTaken),
      public_key: request.publicKey,
      slot,
      address4: slotAddress(prefix4, slot),
      address6: slotAddress(prefix6, slot),
      endpoints: '[]',
      listen_port: 0,
      approved_routes: '[]',
      exit_node_approved: 0,
      tags: toJson(token.tags),
      approved: Number(!token.approval),
      online: 0,
      created_at: request.now,
      key_expires_at: 0,
      view_version: reported.version,
    })
    .execute();
  return id;
}

/** Name, addresses and grants stay; certificates of before end, since the host now gets one of its own proof. */
async function updateMember(
  change: Change,
  member: NodeRecord,
  token: TokenRecord,
  reported: Reported,
  now: number,
): Promise<string> {
  const { tags, keyExpiresAt, approved } = rejoin(member, token, now);
  await change.tx.deleteFrom('certificates').where('node_id', '=', member.id).execute();
  await change.tx
    .updateTable('nodes')
    .set({
      ...reported,
      tags: toJson(tags),
      key_expires_at: keyExpiresAt,
      approved: Number(approved),
      view_version:
        keyExpiresAt === member.keyExpiresAt && approved === member.approved
          ? member.viewVersion
          : reported.version,
    })
    .where('id', '=', member.id)
    .execute();
  return member.id;
}
