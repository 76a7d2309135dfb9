import { createRoute, z } from '@hono/zod-openapi';
import { isExpired } from '../../network/joining.ts';
import { checkPolicy } from '../../network/policy/check.ts';
import { DENY_ALL } from '../../network/policy/compile.ts';
import { type PolicyDocument, PROBLEM_CODES } from '../../network/policy/document.ts';
import { explain, type Flow, parseFlow } from '../../network/policy/explain.ts';
import { policyMatrix } from '../../network/policy/matrix.ts';
import { parsePolicy } from '../../network/policy/parse.ts';
import { policyNode } from '../../network/policy/policy-node.ts';
import { ROLES } from '../../network/roles.ts';
import { takesPart } from '../../network/standing.ts';
import type { NodeRecord } from '../../store/contract/nodes.ts';
import type { PolicyRecord } from '../../store/contract/policies.ts';
import { policyGround } from '../../store/policy-ground.ts';
import { answers, body } from './answers.ts';
import type { Api, ApiDependencies } from './api.ts';
import { Document } from './policy-document.ts';
import { InvalidField } from './problem.ts';

const tags = ['Policy'];

const Place = z
  .object({ line: z.int(), column: z.int(), code: z.enum(PROBLEM_CODES), message: z.string() })
  .openapi('PolicyProblem');

const Check = z
  .object({
    ok: z.boolean(),
    rules: z.int(),
    tests: z.int(),
    problems: z.array(Place).openapi({ description: 'Mistakes, and tests that fail.' }),
    warnings: z.array(Place),
  })
  .openapi('PolicyCheck');

const check = createRoute({
  method: 'post',
  path: '/policy/check',
  tags,
  summary: 'Look for mistakes in a document and run its tests',
  request: { body: body(z.strictObject({ document: Document })) },
  responses: answers(200, 'What there is to say of it. Nothing was changed.', Check),
});

const Party = z
  .string()
  .min(1, 'expected a name, an id or an address')
  .max(256, 'expected a name or an address');
const Service = z
  .string()
  .transform((text, context): Flow => {
    const flow = parseFlow(text);
    if (flow !== null) return flow;
    context.addIssue({
      code: 'custom',
      message: 'expected tcp/22, udp/53, icmp or the number of a protocol',
    });
    return z.NEVER;
  })
  .openapi({ type: 'string', example: 'tcp/22' });

const explanation = createRoute({
  method: 'post',
  path: '/policy/explain',
  tags,
  summary: 'Ask which rule lets one machine reach another, or why none does',
  request: {
    body: body(
      z
        .strictObject({
          source: Party.openapi({ description: 'Name or id of a machine, or an address.' }),
          destination: Party,
          service: Service,
          document: Document.optional().openapi({ description: 'Asked instead of the policy in force.' }),
        })
        .openapi('PolicyQuestion'),
    ),
  },
  responses: answers(
    200,
    'The answer.',
    z
      .object({
        allowed: z.boolean(),
        rule: z.object({ id: z.string(), line: z.int() }).nullable(),
        at: z.string().nullable().openapi({ description: 'The machine at which the packets come in.' }),
        why: z.array(z.string()),
      })
      .openapi('PolicyAnswer'),
  ),
});

const matrix = createRoute({
  method: 'get',
  path: '/policy/matrix',
  tags,
  summary: 'Who can reach whom',
  description:
    'Machines that no rule tells apart are one group. `cells[i][j]` is the rule by which group i opens flows to group j.',
  request: {
    query: z.object({
      service: Service.optional().openapi({ description: 'Without it any service will do.' }),
      limit: z.coerce
        .number({ error: 'expected a number' })
        .int('expected a whole number')
        .min(1, 'expected 1 or more')
        .max(100, 'expected 100 or less')
        .default(60)
        .openapi({ type: 'integer', description: 'Groups at most, the largest first.' }),
    }),
  },
  responses: answers(
    200,
    'The matrix.',
    z
      .object({
        groups: z.array(
          z.object({
            machines: z
              .array(z.object({ id: z.string(), name: z.string() }))
              .openapi({ description: 'The first twenty.' }),
            count: z.int(),
            tags: z.array(z.string()),
            owner: z.string(),
            role: z
              .enum(['', ...ROLES])
              .openapi({ description: "Of the owners' accounts; empty for none, and for several." }),
          }),
        ),
        cells: z.array(z.array(z.object({ id: z.string(), line: z.int() }).nullable())),
        omitted: z.int().openapi({ description: 'How many groups were left out.' }),
      })
      .openapi('PolicyMatrix'),
  ),
});

/** Questions about the policy; none changes anything. */
export function addPolicyQuestions(api: Api, { store, clock }: ApiDependencies): void {
  api.openapi(check, async (context) => {
    const { ok, rules, tests, problems, warnings } = checkPolicy(
      context.req.valid('json').document,
      await policyGround(store),
    );
    return context.json({ ok, rules, tests, problems: [...problems], warnings: [...warnings] }, 200);
  });

  api.openapi(explanation, async (context) => {
    const { source, destination, service, document } = context.req.valid('json');
    const { network, nodes } = await store.snapshot();
    const asked = document === undefined ? documentOf(network.policy) : documentGiven(document);
    const named = nodes.map((node) => ({ ...policyNode(node), name: node.name }));
    const ends = [source, destination] as const;
    const away = ends
      .map((text) => nodes.find((node) => [node.id, node.name, node.address4, node.address6].includes(text)))
      .flatMap((node) => absence(node, clock.wall()));
    const answer = explain(asked, network, named, ends, service);
    if (answer === null) {
      const isKnown = (text: string) => explain(asked, network, named, [text, text], service) !== null;
      const field = isKnown(source) ? 'destination' : 'source';
      throw new InvalidField(field, 'there is no machine of this name, and it is no address');
    }
    const { allowed, rule, at, why } = answer;
    if (away.length > 0) return context.json({ allowed: false, rule: null, at, why: away }, 200);
    return context.json({ allowed, rule, at, why: [...why] }, 200);
  });

  api.openapi(matrix, async (context) => {
    const { service, limit } = context.req.valid('query');
    const { network, nodes } = await store.snapshot();
    const named = nodes
      .filter((node) => absence(node, clock.wall()).length === 0)
      .map((node) => ({ ...policyNode(node), name: node.name }));
    const found = policyMatrix(documentOf(network.policy), network, named, service ?? null, limit);
    return context.json(
      {
        groups: found.groups.map(({ machines, count, tags, owner, role }) => ({
          machines: [...machines],
          count,
          tags: [...tags],
          owner,
          role,
        })),
        cells: found.cells.map((row) => [...row]),
        omitted: found.omitted,
      },
      200,
    );
  });
}

/** Why a machine reaches nobody whatever the policy says. */
function absence(node: NodeRecord | undefined, now: number): string[] {
  if (node === undefined) return [];
  if (!takesPart(node)) {
    return [`${node.name} ${node.disabled ? 'is disabled' : 'waits until an administrator approves it'}`];
  }
  return isExpired(node.keyExpiresAt, now) ? [`the key of ${node.name} has expired`] : [];
}

/** A stored document that cannot be read lets nothing pass, as at the nodes. */
function documentOf(policy: PolicyRecord | null): PolicyDocument | null {
  return policy === null ? null : (parsePolicy(policy.document).document ?? DENY_ALL);
}

function documentGiven(text: string): PolicyDocument {
  const { document, problems } = parsePolicy(text);
  if (document !== null) return document;
  const errors = problems.slice(0, 100).map((problem) => ({ path: 'document', ...problem }));
  throw new InvalidField(errors, 'the document has mistakes');
}
