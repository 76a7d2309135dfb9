import type { Change } from './change.ts';
import type { CertificateRecord } from './contract/joining.ts';
import type { NodeRecord } from './contract/nodes.ts';
import { nodeFromRow } from './rows.ts';
import type { Database } from './schema.ts';

/** How many of a node's certificates stay valid: answers of renewals can be lost, and the agent then still holds an older one. */
const KEPT = 8;

/** Adds a certificate of a node that exists; the oldest beyond those kept are forgotten, and with that refused. */
export async function insertCertificate(
  change: Change,
  nodeId: string,
  certificate: CertificateRecord,
): Promise<void> {
  await change.tx
    .insertInto('certificates')
    .values({
      fingerprint: certificate.fingerprint,
      node_id: nodeId,
      certificate: certificate.certificate,
      expires_at: certificate.expiresAt,
    })
    .execute();
  const oldest = await change.tx
    .selectFrom('certificates')
    .select('id')
    .where('node_id', '=', nodeId)
    .orderBy('id', 'desc')
    .offset(KEPT)
    .limit(1)
    .executeTakeFirst();
  if (oldest === undefined) return;
  await change.tx
    .deleteFrom('certificates')
    .where('node_id', '=', nodeId)
    .where('id', '<=', oldest.id)
    .execute();
}

export async function nodeByCertificate(db: Database, fingerprint: Uint8Array): Promise<NodeRecord | null> {
  const row = await db
    .selectFrom('certificates')
    .innerJoin('nodes', 'nodes.id', 'certificates.node_id')
    .where('fingerprint', '=', fingerprint)
    .selectAll('nodes')
    .executeTakeFirst();
  return row === undefined ? null : nodeFromRow(row);
}
