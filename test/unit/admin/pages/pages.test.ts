import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { NodeRecord } from '../../../../coordinator/store/contract/nodes.ts';
import type { TokenRecord } from '../../../../coordinator/store/contract/tokens.ts';
import type { Store } from '../../../../coordinator/store/store.ts';
import { AdminFixture } from '../../../support/admin-app.ts';
import { CLI, joinNode, NOW } from '../../../support/store.ts';

const EVIL = '"><script>alert(1)</script>\u0007<img src=x onerror=alert(1)>';
let admin: AdminFixture;

afterEach(() => admin.close());

const PAGES = (node: NodeRecord) => [
  '/',
  '/machines/table',
  `/machines/${node.id}`,
  `/machines/${node.id}/live`,
  `/machines/${node.id}/paths`,
  `/machines/${node.id}/changes`,
  '/joining',
  '/joining/tokens',
  '/routes',
  '/routes/live',
  '/names',
  '/names/live',
];

describe('pages of the network', () => {
  beforeEach(async () => {
    admin = await AdminFixture.open({ wrap: hostile });
    await admin.account();
  });

  it('SEC-59: every text of every node, token and setting is shown as text', async () => {
    const node = await joinNode(admin.store, {
      name: 'ada',
      offers: { routes: ['10.1.0.0/16'], exitNode: true, tags: [] },
    });
    const [token] = await admin.store.listTokens();
    const cookie = await admin.signIn();
    for (const path of [
      ...PAGES(node),
      `/joining/tokens/${token?.id}`,
      `/?search=${encodeURIComponent(EVIL)}`,
    ]) {
      const answer = await admin.get(path, { Cookie: cookie });
      const page = await answer.text();
      expect(answer.status, path).toBe(200);
      expect(page, path).not.toMatch(/<script>alert|<img src=x/);
    }
  });
});

describe('who may not change anything', () => {
  beforeEach(async () => {
    admin = await AdminFixture.open();
    await admin.account();
    await admin.account('eve', 'auditor');
  });

  it('is offered nothing to change, and sees the same', async () => {
    const node = await joinNode(admin.store, {
      name: 'ada',
      offers: { routes: ['10.1.0.0/16'], exitNode: true, tags: [] },
    });
    const [owner, auditor] = [await admin.signIn(), await admin.signIn('eve')];
    for (const path of [`/machines/${node.id}`, '/joining', '/routes', '/names']) {
      const [hers, his] = await Promise.all(
        [owner, auditor].map(async (cookie) => (await admin.get(path, { Cookie: cookie })).text()),
      );
      expect(hers, path).toContain('data-action=');
      expect(his, path).not.toContain('data-action=');
    }
    expect(await (await admin.get('/routes', { Cookie: auditor })).text()).toContain('10.1.0.0/16');
  });
});

describe('forms of what two people may change at once', () => {
  beforeEach(async () => {
    admin = await AdminFixture.open();
  });

  it('know the entity tag of the state that they show, as the API has it', async () => {
    const user = await admin.account();
    const node = await joinNode(admin.store, { name: 'ada' });
    const Cookie = await admin.signIn();
    for (const [page, resource] of [
      [`/machines/${node.id}`, `/machines/${node.id}`],
      ['/users', `/users/${user.id}`],
      ['/names', '/settings'],
    ] as const) {
      const tag = (await admin.get(`/api/v1${resource}`, { Cookie })).headers.get('ETag') as string;
      const shown = await (await admin.get(page, { Cookie })).text();
      const forms = [...shown.matchAll(/<form[^>]*data-action="PATCH [^>]*>/g)].map(([form]) => form);
      expect(forms.length, page).toBeGreaterThan(0);
      for (const form of forms) expect(form).toContain(`data-if-match="${tag.replaceAll('"', '&quot;')}"`);
    }
  });
});

describe('what is not there', () => {
  beforeEach(async () => {
    admin = await AdminFixture.open();
    await admin.account();
  });

  it.each(['/nowhere', '/machines/nobody', '/machines/nobody/live', '/joining/tokens/none'])(
    'is told as a page: %s',
    async (path) => {
      const answer = await admin.get(path, { Cookie: await admin.signIn() });
      expect(answer.status).toBe(404);
      expect(await answer.text()).toContain('<h1');
    },
  );
});

describe('routes that several machines carry', () => {
  it('are preferred at one of them, where there is a choice', async () => {
    admin = await AdminFixture.open();
    await admin.account();
    const routes = ['10.1.0.0/16', '10.2.0.0/16'];
    const [lima, oslo] = [
      await joinNode(admin.store, { name: 'lima', offers: { routes, exitNode: false, tags: [] } }),
      await joinNode(admin.store, { name: 'oslo', offers: { routes, exitNode: false, tags: [] } }),
    ];
    const approve = (node: NodeRecord, route: string) =>
      admin.store.approveRoute(node.id, route, true, NOW, CLI);
    await approve(lima, '10.1.0.0/16');
    const cookie = await admin.signIn();
    const page = async () => (await admin.get('/routes/live', { Cookie: cookie })).text();
    const button = ({ id }: NodeRecord, method: string) =>
      `data-action="${method} /machines/${id}/routes/10.1.0.0%2F16/preferred"`;
    expect(await page()).not.toContain('/preferred"');
    await approve(lima, '10.2.0.0/16');
    await approve(oslo, '10.1.0.0/16');
    const choice = await page();
    expect(choice.split('/preferred"')).toHaveLength(3);
    for (const node of [lima, oslo]) expect(choice).toContain(button(node, 'PUT'));
    expect(choice).not.toContain('>preferred<');
    await admin.store.preferRoute(oslo.id, '10.1.0.0/16', true, NOW, CLI);
    const chosen = await page();
    expect(chosen).toContain(button(lima, 'PUT'));
    expect(chosen).toContain(button(oslo, 'DELETE'));
    expect(chosen.split('>preferred<')).toHaveLength(2);
  });
});

/** A store whose every text came from somebody bad. */
function hostile(store: Store): Store {
  const node = (record: NodeRecord): NodeRecord => ({
    ...record,
    name: EVIL,
    owner: EVIL,
    operatingSystem: EVIL,
    agentVersion: EVIL,
    address4: EVIL,
    address6: EVIL,
    publicKey: EVIL,
    endpoints: [EVIL],
    tags: [EVIL],
    homeRelay: EVIL,
    offers: { ...record.offers, routes: [EVIL] },
    approvedRoutes: [EVIL],
    preferredRoutes: [EVIL],
    offeredSegments: [EVIL],
    approvedSegments: [EVIL],
  });
  const token = (record: TokenRecord): TokenRecord => ({
    ...record,
    description: EVIL,
    createdBy: EVIL,
    tags: [EVIL],
  });
  const network = async () => {
    const real = await store.network();
    const dns = { zone: EVIL, resolvers: [EVIL], split: [{ domain: EVIL, resolvers: [EVIL] }] };
    return { ...real, settings: { ...real.settings, dns } };
  };
  const changed: Partial<Store> = {
    network,
    snapshot: async () => ({ network: await network(), nodes: (await store.listNodes()).map(node) }),
    listNodes: async () => (await store.listNodes()).map(node),
    node: async (id) => {
      const real = await store.node(id);
      return real === null ? null : node(real);
    },
    listTokens: async () => (await store.listTokens()).map(token),
    listAudit: async (options) =>
      (await store.listAudit(options)).map((row) => ({ ...row, actor: EVIL, action: EVIL, detail: EVIL })),
  };
  return new Proxy(store, {
    get: (target, key) => {
      const value = changed[key as keyof Store] ?? Reflect.get(target, key);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
