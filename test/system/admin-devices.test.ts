/**
 * The pages of plain WireGuard devices in a browser, on a coordinator's own host. The agents that devices dial are members by the
 * store alone: what is looked at here needs no tunnel.
 */
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openStore } from '../../coordinator/store/open.ts';
import type { Store } from '../../coordinator/store/store.ts';
import { look, pictureOf, signIn, TestBrowser } from '../support/browser.ts';
import { TestCoordinator } from '../support/mesh.ts';
import { describeNeeds } from '../support/needs.ts';
import { Lab } from '../support/netns.ts';
import { textInPicture } from '../support/qr-code.ts';
import { aReport, joinNode, NOW } from '../support/store.ts';

describeNeeds(['root', 'chromium'], 'the pages of devices', () => {
  const lab = new Lab();
  let coordinator: TestCoordinator;
  let browser: TestBrowser;
  let page: Page;
  let origin: string;
  let store: Store;
  const ids: string[] = [];

  const reaches = (id: string, endpoint: string) =>
    store.putReport(id, aReport({ reachableEndpoints: [endpoint] }), NOW);

  beforeAll(async () => {
    const host = await lab.host('coord');
    coordinator = new TestCoordinator(host, lab.directory('coordinator'), [
      '--url',
      'https://192.0.2.1:8443',
    ]);
    await coordinator.start();
    store = await openStore({ dataDir: coordinator.data });
    for (const [index, name] of ['hub', 'paris'].entries()) {
      const { id } = await joinNode(store, { name, now: NOW + index });
      ids.push(id);
      await reaches(id, `203.0.113.${10 + index}:51820`);
      await store.setOnline(id, 'elsewhere', true, NOW);
    }
    browser = await TestBrowser.start(host);
    page = await browser.newPage();
    const link = (await coordinator.verb('admin', 'link')).trim();
    origin = new URL(link).origin;
    await signIn(page, link);
  });
  afterAll(async () => {
    await store?.close();
    await browser?.close();
    await lab.close();
  });

  it('a device is added, and its file and QR code with the private key are shown once', async () => {
    await page.goto(`${origin}/devices`);
    await page.getByText('No device is a member yet').waitFor();
    await look(page, 'devices-none');
    await page.getByLabel('Name', { exact: true }).fill('My Phone');
    await page.getByRole('button', { name: 'Add device' }).click();
    await page.getByText('letters, digits and inner hyphens').waitFor();
    await page.getByLabel('Name', { exact: true }).fill('phone');
    const owner = page.getByLabel('Owner');
    const suggested = page.locator(`#${await owner.getAttribute('list')} option`);
    const [account] = await suggested.evaluateAll((options) => options.map(({ value }) => value as string));
    await owner.fill('grace');
    await page.getByRole('button', { name: 'Add device' }).click();
    await page.getByText('there is no account "grace"').waitFor();
    await owner.fill(account as string);
    await page.getByLabel('Tags').fill('phone, ada');
    await page.getByLabel('Gateway', { exact: true }).selectOption('hub');
    await page.getByRole('button', { name: 'Add device' }).click();
    await page.getByRole('heading', { name: 'File of phone' }).waitFor();
    const given = page.locator('#given');
    const file = await given.locator('code[data-file]').textContent();
    expect(file).toMatch(/^PrivateKey = [A-Za-z0-9+/]{43}=$/m);
    expect(file).toContain('Endpoint = 203.0.113.10:51820');
    const code = given.getByRole('img', { name: 'QR code of the file of phone' });
    for (const theme of ['light', 'dark'] as const) {
      expect(textInPicture(await pictureOf(code, theme))).toBe(file);
    }
    await page.getByRole('link', { name: 'phone' }).waitFor();
    await look(page, 'devices-given');
    const download = page.waitForEvent('download');
    await given.getByText('Save as a file').click();
    expect((await download).suggestedFilename()).toBe('phone.conf');
    await given.getByRole('button', { name: 'Done' }).click();
    const [, privateKey] = /PrivateKey = (.*)/.exec(file ?? '') ?? [];
    await page.reload();
    expect(await page.content()).not.toContain(privateKey);
  });

  it('that its file is out of date is seen without reloading, and why', async () => {
    await reaches(ids[0] as string, '198.51.100.7:51820');
    await page.getByText('out of date').waitFor();
    await page.getByText('hub is at 198.51.100.7:51820, not 203.0.113.10:51820').waitFor();
    await look(page, 'devices');
    await page.getByRole('link', { name: 'phone' }).click();
    await page.getByText('The file on this device is out of date.').waitFor();
    await look(page, 'device');
  });

  it('it is handed out anew, without its key or with another one', async () => {
    await page.getByRole('button', { name: 'Hand out the file' }).click();
    await page.getByRole('button', { name: 'Hand out', exact: true }).click();
    await page.getByText('Put it on the device now').waitFor();
    expect(await page.locator('#given code[data-file]').textContent()).toContain(
      "<the device's private key>",
    );
    await page.getByText('The file on this device is out of date.').waitFor({ state: 'detached' });
    await page.getByRole('button', { name: 'New key', exact: true }).click();
    await page.getByRole('button', { name: 'Make a new key' }).click();
    await page.getByRole('img', { name: 'QR code of the file of phone' }).waitFor();
  });

  it('it is disabled, and removed', async () => {
    await page.getByRole('button', { name: 'Disable' }).click();
    await page.getByRole('alertdialog').getByRole('button', { name: 'Disable' }).click();
    await page.getByText('disabled', { exact: true }).waitFor();
    await page.getByRole('button', { name: 'Remove' }).click();
    await page.getByRole('alertdialog').getByRole('button', { name: 'Remove' }).click();
    await page.getByText('No device is a member yet').waitFor();
    expect(browser.problems).toEqual([]);
  });
});
