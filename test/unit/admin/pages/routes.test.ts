import { afterEach, beforeEach, expect, it } from 'vitest';
import type { NodeRecord } from '../../../../coordinator/store/contract/nodes.ts';
import { AdminFixture } from '../../../support/admin-app.ts';
import { aMesh } from '../../../support/mesh-view.ts';
import { CLI, joinNode, NOW } from '../../../support/store.ts';

const ROUTE = '10.1.0.0/16';
let admin: AdminFixture;
let mesh: ReturnType<typeof aMesh>;
let one: NodeRecord;
let two: NodeRecord;
let users: NodeRecord[];

beforeEach(async () => {
  mesh = aMesh();
  admin = await AdminFixture.open({ changes: { mesh } });
  await admin.account();
  const carrier = async (name: string) => {
    const offers = { routes: [ROUTE], exitNode: true, tags: [] };
    const { id } = await joinNode(admin.store, { name, offers });
    await admin.store.approveRoute(id, ROUTE, true, NOW, CLI);
    await admin.store.approveExitNode(id, true, NOW, CLI);
    return id;
  };
  const ids = [await carrier('one'), await carrier('two')];
  for (const name of ['x', 'y', 'z']) await joinNode(admin.store, { name });
  const all = await admin.store.listNodes();
  for (const node of all) mesh.nodes.members.set(node.id, node);
  [one, two] = ids.map((id) => mesh.nodes.node(id)) as [NodeRecord, NodeRecord];
  users = all.filter(({ id }) => !ids.includes(id));
});
afterEach(async () => {
  mesh.telemetry.close();
  await admin.close();
});

const connect = (node: NodeRecord, by: NodeRecord, exit?: NodeRecord) => {
  const stream = mesh.telemetry.connect(node.id, () => {});
  const routeUses = [{ route: ROUTE, nodeId: by.id }];
  stream.report({ peers: [], carriers: { routeUses, exitNodeId: exit?.id ?? '' } });
  return stream;
};
const asked = async (path: string) => {
  const answer = await admin.get(path, { Cookie: await admin.signIn() });
  expect(answer.status).toBe(200);
  return answer;
};
const listed = async () => {
  const { items } = (await (await asked('/api/v1/routes')).json()) as {
    items: { kind: string; machine: { name: string }; usedBy: number | null }[];
  };
  return Object.fromEntries(items.map(({ kind, machine, usedBy }) => [`${kind} ${machine.name}`, usedBy]));
};
/** What the page says of use in each row, in the order of the rows. */
const shown = async (path: string) =>
  (await (await asked(path)).text())
    .split('<tr data-key=')
    .slice(1)
    .map((row) => /used by [^<]*|no machine says[^<]*/.exec(row)?.[0] ?? null);

it('routes and exit nodes say how many machines use them, by page and API', async () => {
  const streams = users.map((node) => connect(node, one, node === users[0] ? two : undefined));
  expect(await listed()).toEqual({ 'exit one': 0, 'exit two': 1, 'subnet one': 3, 'subnet two': 0 });
  const unused = 'no machine says that it uses it';
  const page = ['used by 3 machines', unused, unused, 'used by 1 machine'];
  expect(await shown('/routes')).toEqual(page);
  expect(await shown('/routes/live')).toEqual(page);
  streams[1]?.end();
  expect(await listed()).toMatchObject({ 'subnet one': 2 });
  for (const stream of streams) stream.end();
  expect(await listed()).toMatchObject({ 'exit two': null, 'subnet one': null });
});

it('nothing is said of use where no machine told anything, or where a route does not count', async () => {
  expect(await shown('/routes')).toEqual([null, null, null, null]);
  connect(users[0] as NodeRecord, one);
  await admin.store.approveRoute(two.id, ROUTE, false, NOW, CLI);
  await admin.store.approveExitNode(one.id, false, NOW, CLI);
  expect(await shown('/routes')).toEqual([
    'used by 1 machine',
    null,
    null,
    'no machine says that it uses it',
  ]);
});
