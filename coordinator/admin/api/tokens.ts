import { createRoute, z } from '@hono/zod-openapi';
import { WarrenError } from '../../../shared/errors.ts';
import { asCalled } from '../../../shared/program-name.ts';
import { makeToken, tokenState } from '../../enrolment.ts';
import type { TokenRecord } from '../../store/contract/tokens.ts';
import { MAX_DESCRIPTION } from '../../store/tokens.ts';
import { answers, body, done } from './answers.ts';
import type { Api, ApiDependencies } from './api.ts';
import { Paging, pageAfter, pageOf } from './cursor.ts';
import { isoTime, Tags, Text, Time } from './values.ts';

const tags = ['Joining'];
const HOUR = 3_600;
const YEAR = 365 * 24 * HOUR;

const Token = z
  .object({
    id: z.string(),
    state: z.enum(['good', 'used', 'expired', 'revoked']),
    purpose: z.enum(['node', 'relay']).openapi({ description: 'What it admits.' }),
    uses: z.int().openapi({ description: 'How many joined with it.' }),
    maxUses: z.int().nullable().openapi({ description: 'Null for no limit.' }),
    ephemeral: z.boolean(),
    approval: z
      .boolean()
      .openapi({ description: 'Who joins with it waits until an administrator approves.' }),
    tags: z.array(z.string()),
    description: z.string(),
    createdBy: z.string(),
    createdAt: Time,
    expiresAt: Time,
    revokedAt: Time.nullable(),
  })
  .openapi('Token');

const NewTokenBody = z
  .strictObject({
    maxUses: z
      .int('expected a whole number')
      .min(1, 'expected 1 or more')
      .max(1_000_000, 'expected a million or less')
      .nullable()
      .default(1)
      .openapi({ description: 'How many hosts it admits; null for no limit.' }),
    expiresIn: z
      .int('expected whole seconds')
      .min(60, 'expected a minute (60) or more')
      .max(YEAR, 'expected a year or less')
      .default(HOUR)
      .openapi({ description: 'Seconds.' }),
    tags: Tags.default([]),
    ephemeral: z.boolean().default(false),
    approval: z.boolean().default(false),
    purpose: z.enum(['node', 'relay']).default('node'),
    description: Text(MAX_DESCRIPTION).default(''),
  })
  .openapi('NewToken');

const MadeToken = z
  .object({
    id: z.string(),
    token: z.string().openapi({ description: 'Shown this once.' }),
    command: z.string().openapi({ description: 'To be run on the host.' }),
    expiresAt: Time,
  })
  .openapi('MadeToken');

const list = createRoute({
  method: 'get',
  path: '/tokens',
  tags,
  summary: 'List join tokens, the newest first',
  request: { query: Paging },
  responses: answers(200, 'Tokens, never their secrets.', pageOf(Token, 'TokenPage')),
});

const create = createRoute({
  method: 'post',
  path: '/tokens',
  tags,
  summary: 'Make a join token',
  request: { body: body(NewTokenBody) },
  responses: answers(201, 'The token.', MadeToken),
});

const revoke = createRoute({
  method: 'delete',
  path: '/tokens/{id}',
  tags,
  summary: 'Revoke a token',
  description: 'Hosts that joined with it stay.',
  request: { params: z.object({ id: z.string().max(64) }) },
  responses: done('It admits nobody any more.'),
});

/** Tokens that hosts and relays join with. */
export function addTokens(api: Api, { store, clock, enrolment }: ApiDependencies): void {
  api.openapi(list, async (context) => {
    const now = clock.wall();
    const tokens = (await store.listTokens()).sort(
      (a, b) => b.createdAt - a.createdAt || (a.id < b.id ? 1 : -1),
    );
    const page = pageAfter(tokens, ({ createdAt, id }) => [createdAt, id], context.req.valid('query'), true);
    return context.json({ ...page, items: page.items.map((token) => tokenView(token, now)) }, 200);
  });

  api.openapi(create, async (context) => {
    const { maxUses, expiresIn, ...rest } = context.req.valid('json');
    const facts = enrolment();
    if (facts === null) throw new WarrenError('unavailable', 'the coordinator is still starting');
    const createdAt = clock.wall();
    const { record, text } = await makeToken(
      store,
      facts,
      {
        ...rest,
        maxUses,
        reusable: maxUses !== 1,
        createdAt,
        expiresAt: createdAt + expiresIn * 1_000,
        owner: context.get('actor').userName,
      },
      context.get('actor'),
    );
    const command =
      record.purpose === 'relay'
        ? asCalled('bin/coordinator relay --listen 0.0.0.0:8443 --token FILE')
        : `${asCalled('bin/agent')} join ${text}`;
    return context.json({ id: record.id, token: text, command, expiresAt: isoTime(record.expiresAt) }, 201);
  });

  api.openapi(revoke, async (context) => {
    await store.revokeToken(context.req.valid('param').id, clock.wall(), context.get('actor'));
    return context.body(null, 204);
  });
}

function tokenView(token: TokenRecord, now: number): z.infer<typeof Token> {
  return {
    id: token.id,
    state: tokenState(token, now),
    purpose: token.purpose,
    uses: token.uses,
    maxUses: token.maxUses,
    ephemeral: token.ephemeral,
    approval: token.approval,
    tags: [...token.tags],
    description: token.description,
    createdBy: token.createdBy,
    createdAt: isoTime(token.createdAt),
    expiresAt: isoTime(token.expiresAt),
    revokedAt: token.revokedAt === null ? null : isoTime(token.revokedAt),
  };
}
