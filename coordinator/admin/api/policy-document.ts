import { z } from '@hono/zod-openapi';

/** Characters of a document: some ten thousand rules. */
const MAX_DOCUMENT = 512 * 1024;

/** A policy as it comes in. */
export const Document = z
  .string()
  .max(MAX_DOCUMENT, `expected ${MAX_DOCUMENT} characters or fewer`)
  .openapi({ description: 'JSON with comments, as docs/policy.md describes it.' });
