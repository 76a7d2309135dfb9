/** What programs meet at the web admin: keys, problems, health, metrics, events. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Store } from '../../../coordinator/store/store.ts';
import { WarrenError } from '../../../shared/errors.ts';
import { AdminFixture } from '../../support/admin-app.ts';
import { joinNode } from '../../support/store.ts';

let admin: AdminFixture;
let isAway: boolean;

/** A store whose database can go away. */
function wrap(store: Store): Store {
  return new Proxy(store, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      if (name === 'onChange') return value.bind(target);
      return (...values: unknown[]) => {
        if (!isAway) return value.apply(target, values);
        return Promise.reject(new WarrenError('unavailable', 'the database is away'));
      };
    },
  });
}

beforeEach(async () => {
  isAway = false;
  admin = await AdminFixture.open({ wrap });
});
afterEach(() => admin.close());

/** The Authorization header of a new key, and its id. */
async function newKey(...scopes: string[]): Promise<{ headers: Record<string, string>; id: string }> {
  if ((await admin.store.accounts.userNamed('ada')) === null) await admin.account();
  const cookie = await admin.signIn();
  const made = await admin.ask(
    'POST',
    '/api/v1/api-keys',
    { name: 'k', role: 'admin', scopes },
    { Cookie: cookie },
  );
  const { key, secret } = (await made.json()) as { key: { id: string }; secret: string };
  return { headers: { Authorization: `Bearer ${secret}` }, id: key.id };
}

describe('a program', () => {
  it('SEC-58: reads and changes what the scopes of its key name, without cookie and Origin', async () => {
    await joinNode(admin.store, { name: 'ada' });
    const { headers } = await newKey('machines:read', 'tokens:write');
    const answer = await admin.get('/api/v1/machines', headers);
    expect(answer.status).toBe(200);
    expect(((await answer.json()) as { items: unknown[] }).items).toHaveLength(1);
    const made = await admin.ask('POST', '/api/v1/tokens', {}, { ...headers, Origin: '' });
    expect(made.status).toBe(201);
    expect((await admin.get('/api/v1/policy', headers)).status).toBe(403);
    expect((await admin.ask('PATCH', '/api/v1/machines/x', {}, headers)).status).toBe(403);
    expect((await admin.get('/api/v1/backups/download', headers)).status).toBe(403);
    expect(await admin.audited('token.create')).toMatchObject([{ actor: 'api-key:k of ada' }, {}]);
  });

  it.each([
    ['a foreign Host', 'GET', { Host: 'evil.example' }, 421],
    ['no key', 'GET', {}, 401],
    ['a key that is none', 'GET', { Authorization: 'Bearer nonsense' }, 401],
    ['no Origin', 'POST', { Origin: '' }, 403],
  ])('SEC-56: with %s is told so as a problem', async (_, method, headers, status) => {
    const body = method === 'POST' ? {} : undefined;
    const answer = await admin.ask(method, '/api/v1/tokens', body, headers as Record<string, string>);
    expect(answer.status).toBe(status);
    expect(answer.headers.get('Content-Type')).toBe('application/problem+json');
    expect(await answer.json()).toMatchObject({ status });
  });

  it('may send a policy that is larger than a form, and nothing without end', async () => {
    const { headers } = await newKey('policy:write', 'tokens:write');
    const document = `{"acls": []} // ${'x'.repeat(200_000)}`;
    expect((await admin.ask('PUT', '/api/v1/policy', { document }, headers)).status).toBe(200);
    const large = { description: 'x'.repeat(100_000) };
    expect((await admin.ask('POST', '/api/v1/tokens', large, headers)).status).toBe(413);
  });
});

describe('health', () => {
  it('SEC-53: is told apart: the process lives while the database is away, is not ready, and its metrics are there', async () => {
    admin.address = '127.0.0.1';
    for (const path of ['/healthz', '/readyz', '/metrics']) expect((await admin.get(path)).status).toBe(200);
    isAway = true;
    expect((await admin.get('/healthz')).status).toBe(200);
    expect((await admin.get('/readyz')).status).toBe(503);
    expect((await admin.get('/metrics')).status).toBe(200);
    isAway = false;
    expect((await admin.get('/readyz')).status).toBe(200);
  });

  it('SEC-53: a request to the API is answered 503 while the database is away', async () => {
    const { headers } = await newKey('machines:read');
    isAway = true;
    const answer = await admin.get('/api/v1/machines', headers);
    expect(answer.status).toBe(503);
    expect(answer.headers.get('Content-Type')).toBe('application/problem+json');
  });
});

it('metrics are for this host, and for a key with the scope', async () => {
  expect((await admin.get('/metrics')).status).toBe(401);
  const { headers } = await newKey('metrics:read');
  const answer = await admin.get('/metrics', headers);
  expect(answer.status).toBe(200);
  expect(await answer.text()).toContain('warren_http_request_seconds_count{method="POST",route="/sign-in"');
  expect((await admin.get('/metrics', (await newKey('machines:read')).headers)).status).toBe(403);
});

describe('events', () => {
  it('tell a change with its version, at once to whoever comes back, and end with the key', async () => {
    const { headers, id } = await newKey('mesh:read');
    const answer = await admin.get('/api/v1/events', { ...headers, 'Last-Event-ID': '3' });
    expect(answer.headers.get('Content-Type')).toContain('text/event-stream');
    const reader = (answer.body as ReadableStream<Uint8Array>)
      .pipeThrough(new TextDecoderStream())
      .getReader();
    let heard = '';
    const until = async (pattern: RegExp) => {
      while (!pattern.test(heard)) {
        const { value, done } = await reader.read();
        if (done) throw new Error(`the stream ended after ${heard}`);
        heard += value;
      }
      heard = heard.replace(pattern, '');
    };
    await until(/event: changed\n/);
    const { id: node } = await joinNode(admin.store);
    await admin.store.renameNode(node, 'other', admin.now, { actor: 'cli', source: '' });
    const { version } = await admin.store.network();
    await until(new RegExp(`data: {"version":${version}}\nid: ${version}\n`));
    const by = { actor: 'cli', source: '', now: admin.now, userId: null };
    await admin.store.accounts.removeApiKey(id, by);
    for (let ended = false; !ended; ) ended = (await reader.read()).done;
  });
});
