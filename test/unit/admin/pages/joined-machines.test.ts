import { afterEach, beforeEach, expect, it } from 'vitest';
import { joinedMachines } from '../../../../coordinator/admin/pages/joined-machines.ts';
import { ApiFixture } from '../../../support/admin-api.ts';
import { joinNode } from '../../../support/store.ts';

let api: ApiFixture;
beforeEach(async () => {
  api = await ApiFixture.open();
});
afterEach(() => api.close());

it('the audit log tells who joined with which token, the latest first', async () => {
  const ada = await joinNode(api.store, { name: 'ada' });
  const bob = await joinNode(api.store, { name: 'bob' });
  const tokens = await api.store.listTokens();
  const joined = joinedMachines(await api.store.listAudit({ limit: 100 }));
  expect([...joined.keys()].sort()).toEqual(tokens.map(({ id }) => id).sort());
  expect([...joined.values()].flat()).toMatchObject([
    { name: 'bob', nodeId: bob.id },
    { name: 'ada', nodeId: ada.id },
  ]);
});
