import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { deviceCommand } from '../../../coordinator/cli/device.ts';
import { renderDeviceFile } from '../../../coordinator/network/devices/render-file.ts';
import { openStore } from '../../../coordinator/store/open.ts';
import { keyFromBase64, keyToBase64 } from '../../../shared/key.ts';
import { x25519PublicKey } from '../../../shared/key-proof.ts';
import { textInTerminal } from '../../support/qr-code.ts';
import { aReport, joinNode, NOW } from '../../support/store.ts';

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

it('device add --qr: the code is that of the file, with the key, for one gateway and for eight peers', async () => {
  const opened = await openStore({ dataDir: folder, initialise: {} });
  const wasTerminal = process.stdout.isTTY;
  for (const [agents, name] of [[1, 'phone'] as const, [7, 'tablet'] as const]) {
    for (let n = 0; n < agents; n++) {
      const { id } = await joinNode(opened, { now: NOW + n });
      await opened.putReport(id, aReport({ reachableEndpoints: [`203.0.113.${n + 10}:51820`] }), NOW);
    }
    const shown: string[] = [];
    process.stdout.isTTY = name === 'tablet';
    const write = vi
      .spyOn(process.stdout, 'write')
      .mockImplementation((text) => shown.push(String(text)) > 0);
    await deviceCommand().parseAsync(['add', name, '--qr', '--data', folder], { from: 'user' });
    write.mockRestore();
    process.stdout.isTTY = wasTerminal;
    // Whatever the terminal's own colours are.
    expect(shown.join('').startsWith('\x1b[97;40m')).toBe(name === 'tablet');
    const text = textInTerminal(shown.join(''));
    const [, privateKey] = /^PrivateKey = (.*)$/m.exec(text) as unknown as [string, string];
    const device = await opened.findNode(name);
    expect(text).toBe(renderDeviceFile(device!.device!.file, name, privateKey));
    const publicKey = await x25519PublicKey(keyFromBase64(privateKey)!);
    expect(keyToBase64(publicKey)).toBe(device?.publicKey);
  }
  await opened.close();
});
