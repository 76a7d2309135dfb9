import { z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { HTTPException } from 'hono/http-exception';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { describeError, type ErrorCode, WarrenError } from '../../../shared/errors.ts';
import type { Logger } from '../../../shared/log.ts';
import { ConfirmationRequired } from '../confirmation.ts';

/** The one table from our codes to HTTP's. */
export const STATUS: Readonly<Record<ErrorCode, ContentfulStatusCode>> = {
  usage: 422,
  unauthenticated: 401,
  'permission-denied': 403,
  'not-found': 404,
  'already-exists': 409,
  'in-use': 409,
  exhausted: 409,
  conflict: 409,
  stale: 412,
  unavailable: 503,
  incompatible: 422,
  corrupt: 422,
  untrusted: 422,
  unsupported: 409,
  internal: 500,
};

const TITLES: Readonly<Record<number, string>> = {
  400: 'The request cannot be read',
  401: 'Sign in first',
  403: 'Not allowed',
  404: 'Not found',
  405: 'Not for this method',
  409: 'Not possible as things are',
  412: 'Changed meanwhile',
  413: 'Too large',
  415: 'Another content type is expected',
  422: 'Something in the request is wrong',
  429: 'Too many requests',
  500: 'Something failed here',
  503: 'Try again soon',
};

/** What is wrong with one field. */
export interface FieldError {
  /** Where it is: `tags.0` of a body, or the name of a parameter; empty for the whole. */
  path: string;
  /** In words, for people. */
  message: string;
  /** Within a text that has lines, both from 1. */
  line?: number;
  column?: number;
}

/** RFC 9457. */
export const Problem = z
  .object({
    type: z.string().openapi({ example: 'urn:warren:problem:not-found' }),
    title: z.string(),
    status: z.int(),
    detail: z.string().openapi({ description: 'What failed, why, and what to do about it.' }),
    errors: z
      .array(
        z.object({
          path: z.string(),
          message: z.string(),
          line: z.int().optional(),
          column: z.int().optional(),
        }),
      )
      .optional()
      .openapi({ description: 'What is wrong with single fields.' }),
  })
  .openapi('Problem');

/** An answer of application/problem+json. */
export function problem(
  context: Context,
  status: ContentfulStatusCode,
  detail: string,
  {
    code = '',
    errors,
    title = TITLES[status] ?? 'Not possible',
  }: {
    code?: ErrorCode | 'confirmation-required' | '';
    errors?: readonly FieldError[];
    title?: string;
  } = {},
): Response {
  const type = code === '' ? 'about:blank' : `urn:warren:problem:${code}`;
  const body = { type, title, status, detail, ...(errors === undefined ? {} : { errors }) };
  return context.body(JSON.stringify(body), status, { 'Content-Type': 'application/problem+json' });
}

/** What somebody is told of an error. Those that are not ours keep their text to the log. */
export function problemOf(context: Context, error: unknown, log: Logger): Response {
  if (error instanceof InvalidField) {
    return problem(context, 422, describeError(error), { code: error.code, errors: error.fields });
  }
  if (error instanceof WarrenError && error.code !== 'internal') {
    if (error.code === 'unavailable')
      log.warn({ err: error, path: context.req.path }, 'the database is away');
    return problem(context, STATUS[error.code], describeError(error), { code: error.code });
  }
  if (error instanceof ConfirmationRequired) {
    return problem(context, 403, error.message, {
      code: 'confirmation-required',
      title: 'Confirm who you are',
    });
  }
  if (error instanceof HTTPException && error.status < 500) {
    return problem(context, error.status as ContentfulStatusCode, error.message || 'the request is refused');
  }
  log.error({ err: error, path: context.req.path }, 'a request to the API failed');
  return problem(context, 500, 'something failed here; the log has more', { code: 'internal' });
}

/** A value that only the store or another part could judge, with the field that it came in. */
export class InvalidField extends WarrenError {
  readonly fields: readonly FieldError[];

  /** `where` is the path of the one field, or all that is wrong. */
  constructor(
    where: string | readonly FieldError[],
    message: string,
    options: { hint?: string; cause?: unknown } = {},
  ) {
    super('usage', message, options);
    this.fields = typeof where === 'string' ? [{ path: where, message: describeError(this) }] : where;
  }
}

/** What is wrong with a request, as one sentence and by field. */
export function invalidInput(
  result: { success: true } | { success: false; error: { issues: readonly z.core.$ZodIssue[] } },
  context: Context,
): Response | undefined {
  if (result.success) return undefined;
  const errors = result.error.issues.flatMap(fieldErrors);
  const detail = errors
    .map(({ path, message }) => (path === '' ? message : `${path}: ${message}`))
    .join('; ');
  return problem(context, 422, detail.slice(0, 1_000), { code: 'usage', errors: errors.slice(0, 20) });
}

function fieldErrors(issue: z.core.$ZodIssue): FieldError[] {
  const path = issue.path.map(String).join('.');
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({
      path: [path, key].filter(Boolean).join('.'),
      message: 'there is no such field',
    }));
  }
  return [{ path, message: issue.message }];
}
