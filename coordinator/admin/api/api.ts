import { OpenAPIHono } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import type { AdminEnvironment } from '../actor.ts';
import type { AdminDependencies } from '../dependencies.ts';
import { asksToConfirm } from '../permissions.ts';
import { entityTags } from './entity-tag.ts';
import { onceOnly } from './once.ts';
import { invalidInput, problem, problemOf } from './problem.ts';

export type Api = OpenAPIHono<AdminEnvironment>;
export type ApiDependencies = AdminDependencies;
/** Adds the operations of one resource. */
export type AddResource = (api: Api, dependencies: ApiDependencies) => void;

/** Longest body, but for what says otherwise. */
const MAX_BODY = 64 * 1024;
/** A policy of some ten thousand rules. */
const MAX_POLICY = 1024 * 1024;

/** What all resources have in common: sizes, entity tags, and problems for whatever goes wrong. */
export function createApi(dependencies: ApiDependencies, resources: readonly AddResource[]): Api {
  const api = new OpenAPIHono<AdminEnvironment>({ defaultHook: invalidInput });
  api.onError((error, context) => problemOf(context, error, dependencies.log));
  const tooLarge = (context: Context) => problem(context, 413, 'the body of the request is too large');
  const sized = (maxSize: number) => bodyLimit({ maxSize, onError: tooLarge });
  const [normal, forPolicies] = [sized(MAX_BODY), sized(MAX_POLICY)];
  api.use(async (context, next) => {
    const { path } = context.req;
    // A backup has its own limit, and is never held in memory as a whole.
    if (isUpload(path)) return next();
    return /\/policy(\/|$)/.test(path) ? forPolicies(context, next) : normal(context, next);
  });
  api.use(entityTags);
  const once = onceOnly(dependencies);
  api.use((context, next) => (isUpload(context.req.path) ? next() : once(context, next)));
  for (const add of resources) add(api, dependencies);
  addDocument(api);
  api.all('*', (context) => noSuchOperation(api, context));
  return api;
}

function isUpload(path: string): boolean {
  return path.endsWith('/backups/restore');
}

/** The OpenAPI document of all that was added before. */
function addDocument(api: Api): void {
  api.openAPIRegistry.registerComponent('securitySchemes', 'session', {
    type: 'apiKey',
    in: 'cookie',
    name: 'warren-session',
    description: 'The cookie of a browser that signed in. Unsafe methods need a matching Origin.',
  });
  api.openAPIRegistry.registerComponent('securitySchemes', 'key', { type: 'http', scheme: 'bearer' });
  api.get('/openapi.json', (context) => {
    const document = api.getOpenAPI31Document({
      openapi: '3.1.0',
      info: {
        title: 'Warren coordinator',
        version: '1',
        description: 'Everything that the web admin does. Errors are problems of RFC 9457.',
      },
      servers: [{ url: '/api/v1' }],
      security: [{ session: [] }, { key: [] }],
    });
    for (const [path, item] of Object.entries(document.paths ?? {})) {
      if (item.post !== undefined) item.post.parameters = [...(item.post.parameters ?? []), ONCE_HEADER];
      for (const method of ['get', 'post', 'put', 'patch', 'delete'] as const) {
        const operation = item[method];
        if (operation === undefined || !asksToConfirm(method.toUpperCase(), `/api/v1${path}`)) continue;
        operation.description = [operation.description, CONFIRMED].filter(Boolean).join(' ');
      }
    }
    return context.json(document);
  });
}

const CONFIRMED = 'A person has to have signed in or confirmed who they are within ten minutes (403 else).';

const ONCE_HEADER = {
  name: 'Idempotency-Key',
  in: 'header',
  required: false,
  description:
    'Whoever repeats the request with the same key within a day gets the same answer, and it is done once.',
  schema: { type: 'string', minLength: 16, maxLength: 255 },
} as const;

/** 405 for a path that has other methods, 404 else. */
function noSuchOperation(api: Api, context: Context): Response {
  const path = context.req.path.replace(/^\/api\/v1/, '');
  const allowed = new Set<string>();
  for (const definition of api.openAPIRegistry.definitions) {
    if (definition.type !== 'route') continue;
    const pattern = definition.route.path.split(/\{[^}]+\}/).map((part) => RegExp.escape(part));
    if (new RegExp(`^${pattern.join('[^/]+')}$`).test(path))
      allowed.add(definition.route.method.toUpperCase());
  }
  if (allowed.size === 0) return problem(context, 404, 'there is nothing here', { code: 'not-found' });
  if (allowed.has('GET')) allowed.add('HEAD');
  const methods = [...allowed].sort().join(', ');
  context.header('Allow', methods);
  return problem(context, 405, `${context.req.method} is not possible here, but ${methods}`);
}
