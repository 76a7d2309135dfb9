/**
 * Random requests, valid and not, for every operation of the API's own OpenAPI document, against a real store: whatever is sent,
 * the answer is none of 5xx, and looks as the document says.
 */
import { type OutputUnit, type Schema, Validator } from '@cfworker/json-schema';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ApiFixture, OWNER } from '../support/admin-api.ts';
import { anyOf, awkwardText, type JsonSchema } from '../support/from-schema.ts';
import { aReport, aToken, CLI, joinNode } from '../support/store.ts';

interface Parameter {
  name: string;
  in: 'path' | 'query' | 'header';
  required?: boolean;
  schema: JsonSchema;
}

interface Operation {
  parameters?: Parameter[];
  requestBody?: { content: Record<string, { schema: JsonSchema }> };
  responses: Record<string, { content?: Record<string, { schema: JsonSchema }> }>;
}

interface Document {
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, JsonSchema> };
}

interface Request {
  method: string;
  path: string;
  headers: Record<string, string>;
  body: string | undefined;
}

const RUNS = 30;
/** A stream that does not end by itself. */
const LEFT_OUT = ['/events'];

const api = await ApiFixture.open();
const document = (await api.ask('GET', '/openapi.json')).body as Document;
const { schemas } = document.components;
const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ method: method.toUpperCase(), path, operation })),
);
/** Ids and names of what there is, by the parameter of a path that takes them. */
let known: string[] = [];

/** Puts back what requests took away. */
async function seed(): Promise<void> {
  const { store, now } = api;
  const { accounts } = store;
  const nodes = await store.listNodes();
  const isMissing = (name: string) => nodes.every((node) => node.name !== name);
  for (const name of ['router', 'laptop'].filter(isMissing)) {
    const node = await joinNode(store, { name, now });
    const offers = { routes: ['192.168.10.0/24'], exitNode: true, tags: [] };
    const endpoints = ['192.0.2.7:51820'];
    await store.putReport(
      node.id,
      aReport({ offers, endpoints, reachableEndpoints: endpoints, offeredSegments: ['lab'] }),
      now,
    );
  }
  const tokens = await store.listTokens();
  if (tokens.every(({ revokedAt }) => revokedAt !== null)) {
    await store.createToken(aToken(new Uint8Array(32).map(() => Math.random() * 256)), CLI);
  }
  if ((await store.listRelays()).length === 0) {
    await store.putRelay(
      { id: 'relay-1', name: 'r', urls: ['https://192.0.2.1:1'], tlsName: 'r', stunServers: [] },
      now,
    );
  }
  const by = { ...CLI, now, userId: null };
  const owner =
    (await accounts.userNamed('owner')) ??
    (await accounts.createUser({ name: 'owner', displayName: 'O', role: 'owner', passphraseHash: null }, by));
  if (owner.role !== 'owner' || owner.disabled) {
    await accounts.changeUser(owner.id, { role: 'owner', disabled: false }, by);
  }
  api.actor = { ...OWNER, userId: owner.id, userName: owner.name };
  known = [
    ...(await store.listNodes()).map(({ id }) => id),
    ...(await store.listTokens()).map(({ id }) => id),
    ...(await accounts.listUsers()).map(({ id }) => id),
    ...(await accounts.listApiKeys()).map(({ id }) => id),
    ...['relay-1', 'lab', '192.168.10.0/24', '1', '2'],
  ];
}

const hostileHeaders = fc.record(
  {
    'If-Match': fc.constantFrom('*', '"x"', 'W/"x"', 'x', '"'),
    'If-None-Match': fc.constantFrom('*', '"x"', '"'),
    'Content-Type': fc.constantFrom(
      'application/json',
      'application/json; charset=utf-16',
      'text/plain',
      'multipart/form-data; boundary=x',
      'application/vnd.sqlite3',
      'x',
    ),
    'Idempotency-Key': fc.oneof(fc.uuid(), fc.constant('short')),
    'Last-Event-ID': fc.constant('7'),
    Accept: fc.constantFrom('*/*', 'text/html', 'x'),
    Range: fc.constant('bytes=0-1'),
  },
  { requiredKeys: [] },
);

const hostileBody = fc.oneof(
  fc.jsonValue().map((value) => JSON.stringify(value)),
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc.constantFrom(
    '',
    '{',
    '[]',
    'null',
    '{"__proto__": {"role": "owner"}}',
    '{"a":'.repeat(5_000),
    '\ufeff{}',
  ),
);

/** A request as the document wants it. */
function goodRequest(method: string, path: string, operation: Operation): fc.Arbitrary<Request> {
  const parameters = operation.parameters ?? [];
  const inPath = parameters.filter((parameter) => parameter.in === 'path');
  const inQuery = parameters.filter((parameter) => parameter.in === 'query');
  const schema = operation.requestBody?.content['application/json']?.schema;
  const value = ({ schema: of }: Parameter) => fc.oneof(anyOf(of, schemas), awkwardText);
  return fc
    .record({
      path: fc.tuple(...inPath.map((one) => fc.oneof({ weight: 4, arbitrary: fc.nat() }, value(one)))),
      query: fc.record(Object.fromEntries(inQuery.map((one) => [one.name, value(one)])), {
        requiredKeys: [],
      }),
      body: schema === undefined ? fc.constant(undefined) : anyOf(schema, schemas),
    })
    .map((made): Request => {
      let full = path;
      for (const [index, { name }] of inPath.entries()) {
        const chosen = made.path[index];
        // A number stands for one of what there is when the request is sent.
        const text = typeof chosen === 'number' ? `KNOWN-${chosen}-` : encoded(String(chosen));
        full = full.replace(`{${name}}`, () => text || '%20');
      }
      const query = Object.entries(made.query).map(([name, text]) => `${name}=${encoded(String(text))}`);
      return {
        method,
        path: query.length === 0 ? full : `${full}?${query.join('&')}`,
        headers: made.body === undefined ? {} : { 'Content-Type': 'application/json' },
        body: made.body === undefined ? undefined : JSON.stringify(made.body),
      };
    });
}

/** The same with a hostile body or headers. */
function badRequest(good: fc.Arbitrary<Request>): fc.Arbitrary<Request> {
  return fc
    .tuple(good, hostileHeaders, fc.option(hostileBody, { nil: undefined }))
    .map(([request, headers, body]) => ({
      ...request,
      headers: { ...request.headers, ...(headers as Record<string, string>) },
      body: request.method === 'GET' ? undefined : (body ?? request.body),
    }));
}

function encoded(text: string): string {
  return encodeURIComponent(text.toWellFormed());
}

function problemsOf(schema: JsonSchema, value: unknown): OutputUnit[] {
  const whole = JSON.parse(JSON.stringify({ ...schema, components: document.components })) as Schema;
  return new Validator(whole, '2020-12').validate(value).errors;
}

async function send(operation: Operation, request: Request): Promise<void> {
  const path = request.path.replace(/KNOWN-(\d+)-/g, (_, number) =>
    encodeURIComponent(known[Number(number) % known.length] as string),
  );
  const answer = await api.ask(request.method, path, request.body, request.headers);
  const what = `${request.method} ${path} ${request.body?.slice(0, 300) ?? ''} → ${answer.status} ${answer.text.slice(0, 600)}`;
  expect(answer.status, what).toBeLessThan(500);
  if (answer.status >= 400) {
    expect(answer.headers.get('Content-Type'), what).toBe('application/problem+json');
    expect(problemsOf(schemas.Problem as JsonSchema, answer.body), what).toEqual([]);
    expect(answer.body.status, what).toBe(answer.status);
    return;
  }
  if (answer.status === 304) return;
  const described = operation.responses[String(answer.status)];
  expect(described, `an answer that the document knows: ${what}`).toBeDefined();
  const schema = described?.content?.['application/json']?.schema;
  if (schema === undefined || !(answer.headers.get('Content-Type') ?? '').startsWith('application/json'))
    return;
  expect(problemsOf(schema, answer.body), what).toEqual([]);
}

describe('the API, by its own document', () => {
  beforeAll(seed);
  afterAll(() => api.close());

  it('describes every operation with a summary, and every answer', () => {
    expect(operations.length).toBeGreaterThan(30);
    for (const { method, path, operation } of operations) {
      expect((operation as { summary?: string }).summary, `${method} ${path}`).toMatch(/./);
      expect(Object.keys(operation.responses).some((status) => /^2/.test(status))).toBe(true);
    }
  });

  it.each(
    operations
      .filter(({ path }) => !LEFT_OUT.includes(path))
      .map(({ method, path, operation }) => [method, path, operation] as const),
  )('%s %s', { timeout: 60_000 }, async (method, path, operation) => {
    const good = goodRequest(method, path, operation);
    const property = fc.asyncProperty(fc.oneof(good, badRequest(good)), async (request) => {
      await seed();
      await send(operation, request);
    });
    await fc.assert(property, { numRuns: RUNS, endOnFailure: true });
  });
});
