import { z } from '@hono/zod-openapi';
import { formatPrefix, parsePrefix } from '../../../shared/prefix.ts';
import { isDnsLabel } from '../../network/names.ts';
import { canonicalTag } from '../../network/tags.ts';

/** Values that several resources have, as they come in and as they go out. */

/** A time as people and programs read it: ISO 8601 in UTC. */
export const Time = z.iso.datetime({ error: 'expected a time such as 2026-01-31T12:00:00Z' });

/** A tag, with or without `tag:` before it. */
export const Tag = z
  .string()
  .transform((text, context) => {
    const tag = canonicalTag(text);
    if (tag !== null) return tag;
    context.addIssue({
      code: 'custom',
      message: 'a tag is a lower-case name of letters, digits and hyphens, such as server',
    });
    return z.NEVER;
  })
  .openapi({ type: 'string', example: 'server', maxLength: 67 });

export const Tags = z.array(Tag).max(64, 'expected 64 tags or fewer');

/** What a machine can be called. */
export const MachineName = z
  .string()
  .refine(isDnsLabel, 'letters, digits and inner hyphens, all lower case, at most 63')
  .openapi({ example: 'laptop' });

/** A network, with its host bits clear. */
export const Cidr = z
  .string()
  .transform((text, context) => {
    const prefix = text.includes('/') ? parsePrefix(text) : null;
    if (prefix !== null) return formatPrefix(prefix);
    context.addIssue({ code: 'custom', message: 'expected a network such as 192.168.10.0/24' });
    return z.NEVER;
  })
  .openapi({ type: 'string', example: '192.168.10.0/24' });

/** A text of one line for people. Control characters are refused; all else is shown as it is. */
export function Text(maxLength: number) {
  return z
    .string()
    .max(maxLength, `expected ${maxLength} characters or fewer`)
    .regex(/^\P{Cc}*$/u, 'expected one line without control characters');
}

/** Milliseconds since the epoch as ISO 8601. */
export function isoTime(at: number): string {
  return new Date(at).toISOString();
}
