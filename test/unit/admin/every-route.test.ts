import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { areaOf } from '../../../coordinator/admin/permissions.ts';
import type { Role, UserRecord } from '../../../coordinator/store/accounts/accounts.ts';
import { AdminFixture } from '../../support/admin-app.ts';

const ROLES = ['auditor', 'admin', 'owner'] as const;
/** What nobody has to sign in for. */
const PUBLIC = /^\/(assets\/|sign-in|sign-out|first-run|welcome|healthz|readyz|metrics)/;
/** What owners alone see and change. */
const OWNERS = /^(\/api\/v1)?\/(users|api-keys|backups)(\/|$)/;
/** What a person has to confirm who they are for. */
const CONFIRMED =
  /^((POST|PATCH|DELETE) \/api\/v1\/users|POST \/api\/v1\/(api-keys|account\/(passkeys|totp))|PUT \/api\/v1\/account\/totp|\w+ \/api\/v1\/backups)(\/|$)/;
/** What changes nothing but one's own account, or nothing at all. */
const EVERYBODYS = /^\/api\/v1\/(account|policy\/(check|explain))(\/|$)/;

/** Written down here once more, apart from the table that it is to hold. */
function isAllowed(role: Role, method: string, path: string): boolean {
  if (OWNERS.test(path)) return role === 'owner';
  return method === 'GET' || EVERYBODYS.test(path) || role !== 'auditor';
}

let fixture: AdminFixture;
const users = new Map<Role, UserRecord>();
let routes: { method: string; path: string }[];

beforeAll(async () => {
  fixture = await AdminFixture.open();
  // One more owner, so that nothing is refused because it would be the last.
  await fixture.account('spare');
  for (const role of ROLES) users.set(role, await fixture.account(role, role));
  const seen = new Set<string>();
  routes = fixture.app.routes.filter(({ method, path }) => {
    const key = `${method} ${path}`;
    if (method === 'ALL' || PUBLIC.test(path) || seen.has(key)) return false;
    seen.add(key);
    return true;
  });
});
afterAll(() => fixture.close());

/** A session of its own for each request: some of them end sessions. */
async function session(role: Role, isConfirmed = true): Promise<string> {
  const secrets = await fixture.services.sessions.create(
    { userId: users.get(role)!.id, method: 'test', address: '', userAgent: '' },
    { actor: 'test', source: '', now: fixture.now, userId: null },
  );
  const confirmed = isConfirmed ? `; warren-confirmed=${secrets.confirmation}` : '';
  return `warren-session=${secrets.session}${confirmed}`;
}

const concrete = (path: string) => path.replace(/:([A-Za-z]+)(\{[^}]*\})?/g, 'none');

describe('every route of the web admin', () => {
  it('SEC-58: is in the table, so that a new one is nobody’s until somebody decides', () => {
    expect(routes.length).toBeGreaterThan(40);
    expect(routes.filter(({ path }) => areaOf(concrete(path)) === null)).toEqual([]);
  });

  it('SEC-58: is closed to whoever has not signed in', async () => {
    for (const { method, path } of routes) {
      const body = method === 'GET' ? undefined : {};
      for (const headers of [
        {},
        { Cookie: 'warren-session=guess' },
        { Authorization: 'Bearer warren_key_x' },
      ]) {
        const answer = await fixture.ask(method, concrete(path), body, headers as Record<string, string>);
        expect(answer.status, `${method} ${path} ${JSON.stringify(headers)}`).toBe(401);
      }
    }
  });

  it.each(ROLES)('SEC-58: lets %s do what the role allows, and nothing else', async (role) => {
    for (const { method, path } of routes) {
      const target = concrete(path);
      const abort = new AbortController();
      const body = method === 'GET' ? undefined : {};
      const answer = await fixture.ask(method, target, body, { Cookie: await session(role) });
      await answer.body?.cancel();
      abort.abort();
      const told = `${role}: ${method} ${path} → ${answer.status}`;
      expect(answer.status, told).not.toBe(401);
      expect(answer.status !== 403, told).toBe(isAllowed(role, method, target));
      expect(answer.status, told).toBeLessThan(500);
    }
  });

  it('SEC-58: asks a session that is not confirmed to confirm what could outlive it, and nothing else', async () => {
    const asked: string[] = [];
    for (const { method, path } of routes) {
      const target = concrete(path);
      const body = method === 'GET' ? undefined : {};
      const answer = await fixture.ask(method, target, body, { Cookie: await session('owner', false) });
      const isProblem = (answer.headers.get('Content-Type') ?? '').startsWith('application/problem+json');
      const said = isProblem ? ((await answer.json()) as { type: string }).type : '';
      if (!isProblem) await answer.body?.cancel();
      const isAsked = said === 'urn:warren:problem:confirmation-required';
      const told = `${method} ${target}`;
      expect(isAsked, `${told} → ${answer.status} ${said}`).toBe(CONFIRMED.test(told));
      if (isAsked) asked.push(told);
    }
    expect(asked.length).toBeGreaterThan(10);
  });

  it('SEC-58: asks no API key to confirm anything', async () => {
    const owner = users.get('owner')!;
    const { secret } = await fixture.services.apiKeys.create(
      { userId: owner.id, name: 'k', role: 'owner', scopes: ['*'], expiresAt: 0 },
      { actor: 'test', source: '', now: fixture.now, userId: null },
    );
    const answer = await fixture.get('/api/v1/backups/download', { Authorization: `Bearer ${secret}` });
    // This store of a test has no backups.
    expect(answer.status).toBe(409);
  });
});
