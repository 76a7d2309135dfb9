import type { z } from '@hono/zod-openapi';
import { Problem } from './problem.ts';

const PROBLEM = {
  description: 'What went wrong.',
  content: { 'application/problem+json': { schema: Problem } },
};

/** The answers of an operation: one of JSON when it goes well, a problem else. */
export function answers<S extends 200 | 201, T extends z.ZodType>(status: S, description: string, schema: T) {
  const good = { description, content: { 'application/json': { schema } } };
  return { [status]: good, '4XX': PROBLEM, '5XX': PROBLEM } as { [K in S]: typeof good };
}

/** The same for what has nothing to say when it goes well. */
export function done(description: string) {
  return { 204: { description }, '4XX': PROBLEM, '5XX': PROBLEM } as { 204: { description: string } };
}

/** A body of JSON, which must be there. */
export function body<T extends z.ZodType>(schema: T) {
  return { required: true, content: { 'application/json': { schema } } } as const;
}
