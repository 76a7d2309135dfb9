import { z } from '@hono/zod-openapi';
import { policyNode } from '../../network/policy/policy-node.ts';
import type { TestGround } from '../../network/policy/run-tests.ts';
import type { Store } from '../../store/store.ts';

/** Characters of a document: some ten thousand rules. */
const MAX_DOCUMENT = 512 * 1024;

/** A policy as it comes in. */
export const Document = z
  .string()
  .max(MAX_DOCUMENT, `expected ${MAX_DOCUMENT} characters or fewer`)
  .openapi({ description: 'JSON with comments, as docs/policy.md describes it.' });

/** What tests of a policy are run on. */
export async function groundOf(store: Store): Promise<TestGround> {
  const { network, nodes } = await store.snapshot();
  return { network, nodes: nodes.map(policyNode) };
}
