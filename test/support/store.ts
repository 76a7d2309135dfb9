/** What tests of the store have in common: a token, a request to join, a node. */
import { createHash, randomBytes } from 'node:crypto';
import type { JoinRecord } from '../../coordinator/store/contract/joining.ts';
import type { NodeRecord, NodeReport } from '../../coordinator/store/contract/nodes.ts';
import type { NewToken } from '../../coordinator/store/contract/tokens.ts';
import type { Store } from '../../coordinator/store/store.ts';

/** The coordinator's clock in these tests. */
export const NOW = Date.UTC(2026, 0, 1);
export const CLI = { actor: 'cli', source: 'local' };

export const sha256 = (bytes: Uint8Array) => new Uint8Array(createHash('sha256').update(bytes).digest());

export function aToken(secret: Uint8Array, changes: Partial<NewToken> = {}): NewToken {
  return {
    secretHash: sha256(secret),
    reusable: false,
    ephemeral: false,
    tags: [],
    createdAt: NOW,
    expiresAt: NOW + 3_600_000,
    ...changes,
  };
}

export function aRequest(secret: Uint8Array, changes: Partial<JoinRecord> = {}): JoinRecord {
  return {
    secretHash: sha256(secret),
    publicKey: randomBytes(32).toString('base64'),
    name: 'host',
    operatingSystem: 'linux',
    agentVersion: '0.1.0',
    offers: { routes: [], exitNode: false, tags: [] },
    remoteAddress: '192.0.2.1:4711',
    now: NOW,
    issueCertificate: async () => aCertificate(),
    ...changes,
  };
}

export function aCertificate() {
  return {
    fingerprint: new Uint8Array(randomBytes(32)),
    certificate: new Uint8Array(randomBytes(400)),
    expiresAt: NOW * 2,
  };
}

export function aReport(changes: Partial<NodeReport> = {}): NodeReport {
  return {
    endpoints: ['192.0.2.7:51820'],
    listenPort: 51820,
    offers: { routes: [], exitNode: false, tags: [] },
    operatingSystem: 'linux',
    agentVersion: '0.1.0',
    ...changes,
  };
}

/** Joins a node by a token of its own. */
export async function joinNode(store: Store, changes: Partial<JoinRecord> = {}): Promise<NodeRecord> {
  const secret = randomBytes(32);
  await store.createToken(aToken(secret), CLI);
  return (await store.join(aRequest(secret, changes))).node;
}

/** The codes of what settled badly, and how many did well. */
export function tally(results: readonly PromiseSettledResult<unknown>[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const result of results) {
    const key = result.status === 'fulfilled' ? 'ok' : String((result.reason as { code?: string }).code);
    counts[key] = (counts[key] ?? 0) + 1;
  }
  return counts;
}
