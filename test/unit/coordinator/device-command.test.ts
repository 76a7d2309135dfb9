import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { deviceCommand } from '../../../coordinator/cli/device.ts';
import { openStore } from '../../../coordinator/store/open.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'warren-device-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

it('device add: an owner who has no account is refused, and no device is made', async () => {
  await (await openStore({ dataDir: folder, initialise: {} })).close();
  const add = deviceCommand().parseAsync(['add', 'phone', '--owner', 'nobody', '--data', folder], {
    from: 'user',
  });
  await expect(add).rejects.toMatchObject({ code: 'not-found', message: 'there is no account "nobody"' });
  const store = await openStore({ dataDir: folder });
  expect(await store.listNodes()).toEqual([]);
  await store.close();
});
