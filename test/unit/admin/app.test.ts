import { beforeEach, describe, expect, it } from 'vitest';
import { adminApp } from '../../../coordinator/admin/app.ts';
import { CODE_LIFETIME, OneTimeCodes } from '../../../coordinator/admin/one-time-codes.ts';
import { Sessions } from '../../../coordinator/admin/sessions.ts';
import type { AuditRow, NodeRecord, Store } from '../../../coordinator/store/store.ts';
import { WarrenError } from '../../../shared/errors.ts';
import { createLogger } from '../../../shared/log.ts';
import { aMesh } from '../../support/mesh-view.ts';

const NODE: NodeRecord = {
  id: 'n1',
  name: 'ada',
  publicKey: '',
  address4: '100.64.0.1',
  address6: 'fd00::1',
  endpoints: ['192.0.2.1:51820'],
  listenPort: 51820,
  operatingSystem: 'linux',
  agentVersion: '0.1.0',
  offers: { routes: ['10.0.0.0/24'], exitNode: false, tags: [] },
  approvedRoutes: [],
  offeredSegments: [],
  device: null,
  reachableEndpoints: [],
  acceptsRoutes: false,
  approvedSegments: [],
  approved: true,
  disabled: false,
  exitNodeApproved: false,
  tags: [],
  ephemeral: false,
  online: true,
  createdAt: 0,
  lastSeenAt: 0,
  keyExpiresAt: 0,
  homeRelay: '',
  owner: '',
  ownerGroups: [],
  version: 1,
  viewVersion: 1,
};

let now: number;
let audit: AuditRow[];
let nodes: () => Promise<NodeRecord[]>;
let codes: OneTimeCodes;
let app: ReturnType<typeof adminApp>;

beforeEach(() => {
  now = 0;
  audit = [];
  nodes = async () => [NODE];
  const clock = { monotonic: () => now, wall: () => now };
  codes = new OneTimeCodes(clock);
  const store = {
    listNodes: () => nodes(),
    audit: async (row: AuditRow) => void audit.push(row),
    onChange: () => () => {},
  } as unknown as Store;
  app = adminApp({
    store,
    codes,
    sessions: new Sessions(clock),
    clock,
    log: createLogger('silent', 'test'),
    hostNames: ['vpn.example.com'],
    enrolment: () => null,
    mesh: aMesh(),
  });
});

const get = (path: string, headers: Record<string, string> = {}) =>
  app.request(path, { headers: { Host: '127.0.0.1:8080', ...headers } });

const post = (path: string, body: string, headers: Record<string, string> = {}) =>
  app.request(path, {
    method: 'POST',
    body,
    headers: {
      Host: '127.0.0.1:8080',
      Origin: 'http://127.0.0.1:8080',
      'Content-Type': 'application/x-www-form-urlencoded',
      ...headers,
    },
  });

async function signIn(): Promise<string> {
  const answer = await post('/sign-in', `code=${codes.issue()}`);
  expect(answer.status).toBe(303);
  return (answer.headers.get('Set-Cookie') as string).split(';')[0] as string;
}

describe('signing in', () => {
  it('SEC-54: without a link nobody sees a machine', async () => {
    expect((await get('/', { Accept: 'text/html' })).headers.get('Location')).toBe('/sign-in');
    expect((await get('/machines/table')).status).toBe(401);
    expect((await get('/events')).status).toBe(401);
  });

  it('a link works once, and looking at it does not use it up', async () => {
    const code = codes.issue();
    expect(await (await get(`/sign-in?code=${code}`)).text()).toContain(code);
    expect((await post('/sign-in', `code=${code}`)).status).toBe(303);
    expect((await post('/sign-in', `code=${code}`)).status).toBe(401);
    expect(audit.map((row) => row.result)).toEqual(['ok', 'refused']);
    expect(JSON.stringify(audit)).not.toContain(code);
  });

  it('a link dies of age', async () => {
    const code = codes.issue();
    now = CODE_LIFETIME;
    expect((await post('/sign-in', `code=${code}`)).status).toBe(401);
  });

  it('SEC-55: the cookie is HttpOnly and SameSite, ends idle and absolutely, and sign-out revokes it', async () => {
    const answer = await post('/sign-in', `code=${codes.issue()}`);
    expect(answer.headers.get('Set-Cookie')).toMatch(/HttpOnly/);
    expect(answer.headers.get('Set-Cookie')).toMatch(/SameSite=Strict/);

    const idle = await signIn();
    now += 13 * 3_600_000;
    expect((await get('/machines/table', { Cookie: idle })).status).toBe(401);

    const busy = await signIn();
    for (let hours = 0; hours < 7 * 24; hours += 6) {
      expect((await get('/machines/table', { Cookie: busy })).status).toBe(200);
      now += 6 * 3_600_000;
    }
    expect((await get('/machines/table', { Cookie: busy })).status).toBe(401);

    const left = await signIn();
    await post('/sign-out', '', { Cookie: left });
    expect((await get('/machines/table', { Cookie: left })).status).toBe(401);
  });
});

describe('what a foreign page can do', () => {
  it.each([
    ['no Origin', ''],
    ['a foreign Origin', 'http://evil.example'],
    ['an opaque Origin', 'null'],
  ])('SEC-56: a POST with %s is refused, whatever its type', async (_, origin) => {
    const code = codes.issue();
    for (const type of ['application/x-www-form-urlencoded', 'application/json', 'text/plain']) {
      expect((await post('/sign-in', `code=${code}`, { Origin: origin, 'Content-Type': type })).status).toBe(
        403,
      );
    }
  });

  it.each([
    ['evil.example', 421],
    ['127.0.0.1.evil.example', 421],
    ['', 421],
    ['localhost:8080', 200],
    ['[::1]:8080', 200],
    ['VPN.example.com', 200],
  ])('SEC-56: Host %j is answered with %i', async (host, status) => {
    expect((await get('/sign-in', { Host: host })).status).toBe(status);
  });

  it('the referrer policy lets browsers send the Origin of our own forms, and none of the link to others', async () => {
    expect((await get('/sign-in')).headers.get('Referrer-Policy')).toBe('same-origin');
  });

  it('SEC-59: names are shown as text, and no inline script could run', async () => {
    nodes = async () => [{ ...NODE, name: '<script>alert(1)</script>', tags: ['<b>'] }];
    const answer = await get('/', { Cookie: await signIn() });
    const page = await answer.text();
    expect(page).toContain('&lt;script&gt;alert(1)&lt;/script&gt;');
    expect(page).not.toContain('<script>');
    expect(page).not.toContain('<b>');
    expect(answer.headers.get('Content-Security-Policy')).not.toContain('unsafe');
  });
});

describe('when the database is away', () => {
  it('SEC-53: the page says so instead of showing an empty network', async () => {
    const cookie = await signIn();
    nodes = async () => {
      throw new WarrenError('unavailable', 'the database is away');
    };
    const answer = await get('/', { Cookie: cookie });
    expect(answer.status).toBe(503);
    expect(await answer.text()).toMatch(/database is away/);
  });
});
