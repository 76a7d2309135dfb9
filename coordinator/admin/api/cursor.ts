import { z } from '@hono/zod-openapi';
import { InvalidField } from './problem.ts';

/** Items of a list by default, and at most. */
const DEFAULT_LIMIT = 100;
const MAX_LIMIT = 1_000;

/** The parameters of every list. */
export const Paging = z.object({
  limit: z.coerce
    .number({ error: 'expected a number' })
    .int('expected a whole number')
    .min(1, 'expected 1 or more')
    .max(MAX_LIMIT, `expected ${MAX_LIMIT} or less`)
    .default(DEFAULT_LIMIT)
    .openapi({ type: 'integer', description: 'How many items at most.' }),
  cursor: z
    .string()
    .max(2_048, 'this is no cursor')
    .optional()
    .openapi({ description: '`nextCursor` of the page before; opaque.' }),
});

/** A page of a list. */
export function pageOf<T extends z.ZodType>(item: T, name: string) {
  return z
    .object({
      items: z.array(item),
      nextCursor: z.string().nullable().openapi({ description: 'Null on the last page.' }),
    })
    .openapi(name);
}

/** Where a page ended: the values that the list is sorted by, of the last item. */
export type Position = readonly (string | number)[];

export function formatCursor(position: Position): string {
  return Buffer.from(JSON.stringify(position)).toString('base64url');
}

/** The values of a cursor, whose kinds are those of `like`. Throws InvalidField. */
export function parseCursor(text: string, like: readonly ('string' | 'number')[]): Position {
  try {
    const position: unknown = JSON.parse(Buffer.from(text, 'base64url').toString('utf8'));
    if (
      Array.isArray(position) &&
      position.length === like.length &&
      position.every((value, index) => typeof value === like[index] && value !== Number.POSITIVE_INFINITY)
    ) {
      return position as Position;
    }
  } catch {
    // Falls through to what is said of every cursor that is none.
  }
  throw new InvalidField('cursor', 'this is no cursor of this list', {
    hint: 'take nextCursor of the page before, or leave it out to begin anew',
  });
}

/**
 * A page of what is sorted in memory already. A page begins after a position and not after a number of items, so that what is
 * added or removed meanwhile neither repeats nor hides another item.
 */
export function pageAfter<T>(
  sorted: readonly T[],
  positionOf: (item: T) => Position,
  { cursor, limit }: { cursor?: string | undefined; limit: number },
  descending = false,
): { items: T[]; nextCursor: string | null } {
  let rest = sorted;
  const [first] = sorted;
  if (cursor !== undefined && first !== undefined) {
    const like = positionOf(first).map((value) => typeof value as 'string' | 'number');
    const after = parseCursor(cursor, like);
    const isAfter = (item: T) => comparePositions(positionOf(item), after) * (descending ? -1 : 1) > 0;
    rest = sorted.filter(isAfter);
  }
  const items = rest.slice(0, limit);
  const last = items.at(-1);
  return {
    items,
    nextCursor: last !== undefined && rest.length > limit ? formatCursor(positionOf(last)) : null,
  };
}

/** Texts by their code units, which is the same on every host. */
export function comparePositions(a: Position, b: Position): number {
  for (const [index, value] of a.entries()) {
    const other = b[index] as string | number;
    if (value < other) return -1;
    if (value > other) return 1;
  }
  return 0;
}
