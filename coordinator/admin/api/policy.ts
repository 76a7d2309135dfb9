import { createRoute, z } from '@hono/zod-openapi';
import { WarrenError } from '../../../shared/errors.ts';
import { checkPolicy } from '../../network/policy/check.ts';
import type { PolicyRecord } from '../../store/contract/policies.ts';
import { policyGround } from '../../store/policy-ground.ts';
import { answers, body } from './answers.ts';
import type { Api, ApiDependencies } from './api.ts';
import { Paging, pageAfter, pageOf } from './cursor.ts';
import { checkIfMatch } from './entity-tag.ts';
import { Document } from './policy-document.ts';
import { InvalidField } from './problem.ts';
import { isoTime, Time } from './values.ts';

const tags = ['Policy'];

const Version = z
  .object({
    version: z.int(),
    createdAt: Time,
    actor: z.string(),
    source: z.string(),
    restoredFrom: z.int().nullable(),
  })
  .openapi('PolicyVersion');

const Policy = Version.extend({ document: z.string() }).openapi('Policy');

const Current = z
  .object({
    policy: z.union([Policy, z.null()]).openapi({
      description: 'Null while there is none: then everything is allowed.',
    }),
  })
  .openapi('CurrentPolicy');

const show = createRoute({
  method: 'get',
  path: '/policy',
  tags,
  summary: 'Show the policy in force',
  responses: answers(200, 'The policy.', Current),
});

const put = createRoute({
  method: 'put',
  path: '/policy',
  tags,
  summary: 'Make a document the policy',
  description:
    'One with a mistake, or whose tests fail, changes nothing. With If-Match only if the policy is still as it was read.',
  request: { body: body(z.strictObject({ document: Document })) },
  responses: answers(200, 'The policy in force.', Current),
});

const versions = createRoute({
  method: 'get',
  path: '/policy/versions',
  tags,
  summary: 'List all policies that there were, the newest first',
  request: { query: Paging },
  responses: answers(200, 'Versions, without their documents.', pageOf(Version, 'PolicyVersionPage')),
});

const VersionNumber = z.object({
  version: z.coerce
    .number({ error: 'expected the number of a version' })
    .int('expected the number of a version')
    .min(1, 'expected the number of a version')
    .max(999_999_999, 'expected the number of a version')
    .openapi({ type: 'integer' }),
});

const version = createRoute({
  method: 'get',
  path: '/policy/versions/{version}',
  tags,
  summary: 'Show one of them',
  request: { params: VersionNumber },
  responses: answers(200, 'The policy as it was.', Policy),
});

const restore = createRoute({
  method: 'post',
  path: '/policy/versions/{version}/restore',
  tags,
  summary: 'Make an earlier policy the one in force, as a new version',
  request: { params: VersionNumber },
  responses: answers(200, 'The policy in force.', Current),
});

/** The network's policy and its history. */
export function addPolicy(api: Api, { store, clock }: ApiDependencies): void {
  api.openapi(show, async (context) => context.json(currentView(await store.policy()), 200));

  api.openapi(put, async (context) => {
    const { document } = context.req.valid('json');
    // All that is wrong, each at its place; the store looks once more, in the transaction, and audits a refusal.
    const check = checkPolicy(document, await policyGround(store));
    const apply = store.applyPolicy(document, clock.wall(), context.get('actor'), (current) =>
      checkIfMatch(context, currentView(current)),
    );
    const record = await apply.catch((error: unknown) => {
      const isRefusal = error instanceof WarrenError && error.code === 'corrupt';
      if (!isRefusal || check.problems.length === 0) throw error;
      const errors = check.problems.slice(0, 100).map((problem) => ({ path: 'document', ...problem }));
      throw new InvalidField(errors, error.message, { cause: error });
    });
    return context.json(currentView(record), 200);
  });

  api.openapi(versions, async (context) => {
    const records = await store.listPolicies();
    const page = pageAfter(records, (record) => [record.version], context.req.valid('query'), true);
    return context.json({ ...page, items: page.items.map(versionView) }, 200);
  });

  api.openapi(version, async (context) => {
    const number = context.req.valid('param').version;
    const record = await store.policy(number);
    if (record === null) throw new WarrenError('not-found', `there is no version ${number} of the policy`);
    return context.json(policyView(record), 200);
  });

  api.openapi(restore, async (context) => {
    const number = context.req.valid('param').version;
    const record = await store.restorePolicy(number, clock.wall(), context.get('actor'));
    return context.json(currentView(record), 200);
  });
}

function versionView({ version, createdAt, actor, source, restoredFrom }: PolicyRecord) {
  return { version, createdAt: isoTime(createdAt), actor, source, restoredFrom };
}

function policyView(record: PolicyRecord) {
  return { ...versionView(record), document: record.document };
}

function currentView(record: PolicyRecord | null) {
  return { policy: record === null ? null : policyView(record) };
}
