import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { NodeRecord } from '../../../coordinator/store/contract/nodes.ts';
import type { Store } from '../../../coordinator/store/store.ts';
import { WarrenError } from '../../../shared/errors.ts';
import { AdminFixture, PASSPHRASE, PROXY } from '../../support/admin-app.ts';

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
  preferredRoutes: [],
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
  ownerRole: '',
  version: 1,
  viewVersion: 1,
};

let fixture: AdminFixture;

beforeEach(async () => {
  fixture = await AdminFixture.open();
});
afterEach(() => fixture.close());

describe('what a foreign page can do', () => {
  it.each([
    ['no Origin', ''],
    ['a foreign Origin', 'http://evil.example'],
    ['an opaque Origin', 'null'],
  ])('SEC-56: a POST with %s is refused, whatever its type', async (_, origin) => {
    await fixture.account();
    const Cookie = await fixture.signIn();
    for (const type of ['application/x-www-form-urlencoded', 'application/json', 'text/plain']) {
      for (const path of ['/sign-in', '/sign-out', '/api/v1/tokens', '/first-run']) {
        const headers = { Origin: origin, 'Content-Type': type, Cookie };
        expect((await fixture.post(path, '{}', headers)).status, path).toBe(403);
      }
    }
    expect(await fixture.store.listTokens()).toEqual([]);
  });

  it.each([
    ['evil.example', 421],
    ['127.0.0.1.evil.example', 421],
    ['', 421],
    ['localhost:8080', 200],
    ['[::1]:8080', 200],
    ['VPN.example.com', 200],
  ])('SEC-56: Host %j is answered with %i', async (host, status) => {
    expect((await fixture.get('/sign-in', { Host: host })).status).toBe(status);
  });

  it('SEC-56: over TLS a page of the same name without TLS is a foreign one', async () => {
    await fixture.account();
    fixture.address = PROXY;
    const body = { name: 'ada', passphrase: PASSPHRASE };
    const headers = { 'X-Forwarded-Proto': 'https' };
    expect((await fixture.post('/sign-in', body, headers)).status).toBe(403);
    const Origin = 'https://127.0.0.1:8080';
    expect((await fixture.post('/sign-in', body, { ...headers, Origin })).status).toBe(303);
  });

  it('the referrer policy lets browsers send the Origin of our own forms, and none of the link to others', async () => {
    expect((await fixture.get('/sign-in')).headers.get('Referrer-Policy')).toBe('same-origin');
  });

  it('SEC-59: names are shown as text, and no inline script could run', async () => {
    await fixture.close();
    const nodes = async () => [{ ...NODE, name: '<script>alert(1)</script>', tags: ['<b>'] }];
    fixture = await AdminFixture.open({ wrap: (store) => withNodes(store, nodes) });
    await fixture.account();
    const answer = await fixture.get('/', { Cookie: await fixture.signIn() });
    const page = await answer.text();
    expect(page).toContain('&lt;script&gt;alert(1)&lt;/script&gt;');
    expect(page).not.toContain('<script>');
    expect(page).not.toContain('<b>');
    expect(answer.headers.get('Content-Security-Policy')).not.toContain('unsafe');
  });
});

describe('when the database is away', () => {
  it('SEC-53: the page says so instead of showing an empty network', async () => {
    await fixture.close();
    const away = async () => {
      throw new WarrenError('unavailable', 'the database is away');
    };
    fixture = await AdminFixture.open({ wrap: (store) => withNodes(store, away) });
    await fixture.account();
    const answer = await fixture.get('/', { Cookie: await fixture.signIn() });
    expect(answer.status).toBe(503);
    expect(await answer.text()).toMatch(/database is away/);
  });
});

/** A store that shows other machines than it has. */
function withNodes(store: Store, listNodes: () => Promise<NodeRecord[]>): Store {
  return new Proxy(store, {
    get: (target, name) => {
      if (name === 'listNodes') return listNodes;
      const value = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

it('HEAD leaves nothing behind: no stream that nobody reads', async () => {
  await fixture.account();
  const Cookie = await fixture.signIn();
  let listening = 0;
  const onChange = fixture.store.onChange.bind(fixture.store);
  fixture.store.onChange = (listener) => {
    listening++;
    const stop = onChange(listener);
    return () => {
      listening--;
      stop();
    };
  };
  for (const path of ['/events', '/api/v1/events']) {
    const answer = await fixture.ask('HEAD', path, undefined, { Cookie });
    expect([answer.status, answer.body]).toEqual([200, null]);
  }
  await vi.waitFor(() => expect(listening).toBe(0));
});

it('a form that is too large is refused, and is no failure of ours', async () => {
  const answer = await fixture.post('/sign-in', { name: 'ada', passphrase: 'x'.repeat(70_000) });
  expect([answer.status, await answer.text()]).toEqual([413, 'That is too large.\n']);
});
