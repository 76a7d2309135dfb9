/**
 * The pages of policy, audit log and settings in a browser, on a coordinator's own host. Two machines are members by the store
 * alone: what is looked at here needs no tunnel.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openStore } from '../../coordinator/store/open.ts';
import { look, signIn, TestBrowser } from '../support/browser.ts';
import { TestCoordinator } from '../support/mesh.ts';
import { describeNeeds } from '../support/needs.ts';
import { Lab } from '../support/netns.ts';
import { CLI, joinNode, NOW } from '../support/store.ts';
import { waitFor } from '../support/wait-for.ts';

const WITH_MISTAKE = `{
  // Web servers, and what they ask.
  "tagOwners": { "tag:web": ["autogroup:admin"], "tag:db": ["autogroup:admin"] },
  "acls": [
    { "action": "accept", "src": ["tag:web"], "dst": ["tag:db:5432x"], "proto": "tcp" },
  ],
}
`;
const GOOD = WITH_MISTAKE.replace('5432x', '5432');

describeNeeds(['root', 'chromium'], 'the pages of policy, audit and settings', () => {
  const lab = new Lab();
  let coordinator: TestCoordinator;
  let browser: TestBrowser;
  let page: Page;
  let origin: string;

  beforeAll(async () => {
    const host = await lab.host('coord');
    coordinator = new TestCoordinator(host, lab.directory('coordinator'), [
      '--url',
      'https://192.0.2.1:8443',
    ]);
    await coordinator.start();
    const store = await openStore({ dataDir: coordinator.data });
    for (const name of ['web', 'db']) {
      const { id } = await joinNode(store, { name });
      await store.setTags(id, [name], NOW, CLI);
    }
    await store.close();
    browser = await TestBrowser.start(host);
    page = await browser.newPage();
    const link = (await coordinator.verb('admin', 'link')).trim();
    origin = new URL(link).origin;
    await signIn(page, link);
  });
  afterAll(async () => {
    await browser?.close();
    await lab.close();
  });

  const open = async (path: string) => {
    await page.goto(`${origin}${path}`);
  };
  const write = async (text: string) => {
    await page.locator('#policy-editor .cm-content').fill(text);
  };

  it('a mistake is told while it is typed, at its place, and cannot be saved', async () => {
    await open('/policy');
    await page.getByText('This network has no policy').waitFor();
    await page.getByText('In order: 1 rule, there are no tests.').waitFor();
    await write(WITH_MISTAKE);
    await page.getByText('1 mistake: nothing can be saved yet.').waitFor();
    expect(await page.getByRole('button', { name: 'Review and save' }).isDisabled()).toBe(true);
    await look(page, 'policy-mistake');
    await page.getByRole('button', { name: 'Line 5, column' }).click();
    const line = page.locator('#policy-editor .cm-activeLine');
    expect(await line.textContent()).toContain('5432x');
  });

  it('what changes is shown before it is saved, and then it is in force', async () => {
    await write(GOOD);
    await page.getByText('In order: 1 rule').waitFor();
    await page.getByRole('button', { name: 'Review and save' }).click();
    await page.locator('#policy-difference .cm-changedLine').first().waitFor();
    await look(page, 'policy-changes');
    await page.getByRole('button', { name: 'Make it the policy' }).click();
    await page.getByText('Version 1 is in force.').waitFor();
    expect(await coordinator.verb('policy', 'show')).toBe(GOOD);
    await look(page, 'policy');
  });

  it('who reaches what is answered with the rule, and seen as a matrix', async () => {
    await open('/policy/access');
    const ask = async (from: string, to: string, service: string) => {
      await page.getByLabel('From').fill(from);
      await page.getByLabel('To', { exact: true }).fill(to);
      await page.locator('#question-service').fill(service);
      await page.getByRole('button', { name: 'Ask' }).click();
    };
    await ask('web', 'db', 'tcp/5432');
    await page.getByText('web reaches db by tcp/5432.').waitFor();
    await ask('db', 'web', 'tcp/5432');
    await page.getByText('db does not reach web by tcp/5432.').waitFor();
    await ask('web', 'nobody', 'tcp/5432');
    await page.locator('#question-destination-error').waitFor();
    await page.getByRole('button', { name: 'web to db: yes, by acls[0]' }).click();
    await page.getByText('web may open flows to db').waitFor();
    expect(await page.getByRole('button', { name: 'db to web: no' }).count()).toBe(1);
    await look(page, 'policy-access');
    await page.getByRole('link', { name: 'Show acls[0] in the document' }).click();
    await waitFor('the line of the rule', async () =>
      (await page.locator('#policy-editor .cm-activeLine').textContent())?.includes('5432'),
    );
  });

  it('one who edits hears that somebody else saved, and is not let overwrite it', async () => {
    const file = join(lab.directory('policy'), 'policy.json');
    writeFileSync(file, GOOD.replace('5432', '5433'));
    await write(GOOD.replace('5432', '6000'));
    await coordinator.verb('policy', 'apply', file);
    await page.getByText('The policy was changed by somebody else meanwhile').waitFor();
    await page.getByText('In order: 1 rule').waitFor();
    await page.getByRole('button', { name: 'Review and save' }).click();
    await page.getByRole('button', { name: 'Make it the policy' }).click();
    await page.locator('#policy-error').getByText('changed by somebody else').waitFor();
    expect(await coordinator.verb('policy', 'show')).toContain('5433');
  });

  it('an earlier version is compared and restored', async () => {
    page.once('dialog', (dialog) => void dialog.accept());
    await open('/policy/versions');
    await look(page, 'policy-versions');
    await page.getByRole('link', { name: 'Version 1' }).click();
    await page.getByRole('link', { name: 'Against the one in force' }).click();
    await page.locator('#policy-difference .cm-changedLine').first().waitFor();
    await look(page, 'policy-version');
    await page.getByRole('button', { name: 'Restore' }).click();
    await page.getByRole('button', { name: 'Restore it' }).click();
    await page.getByText('Version 3, by').waitFor();
    expect(await coordinator.verb('policy', 'show')).toBe(GOOD);
  });

  it('the audit log has all of it, is filtered in its address, and exported as it is filtered', async () => {
    await open('/audit');
    await page.getByLabel('What', { exact: true }).fill('policy');
    await page.getByRole('button', { name: 'Filter' }).click();
    await page.waitForURL(/action=policy/);
    expect(await page.locator('#audit tbody tr').count()).toBeGreaterThanOrEqual(3);
    await look(page, 'audit');
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('link', { name: 'Export as CSV' }).click(),
    ]);
    const path = lab.directory('csv');
    await download.saveAs(join(path, 'audit.csv'));
    const lines = readFileSync(join(path, 'audit.csv'), 'utf8').trim().split('\n');
    expect(lines.length).toBeGreaterThanOrEqual(4);
    expect(lines.slice(1).every((line) => line.includes('policy.'))).toBe(true);
    await page.getByLabel('Of what').fill('no such thing');
    await page.getByRole('button', { name: 'Filter' }).click();
    await page.getByText('Nothing fits').waitFor();
  });

  it('the settings tell the ranges and the relays', async () => {
    await open('/settings');
    await page.getByText('100.64.0.0/10').waitFor();
    await page.getByRole('row', { name: 'https://192.0.2.1:8443' }).waitFor();
    await look(page, 'settings');
  });

  it('a backup is had from the settings and brings back what it has', async () => {
    await open('/settings');
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('link', { name: 'Download a backup' }).click(),
    ]);
    const file = join(lab.directory('backup'), 'warren.db');
    await download.saveAs(file);
    await coordinator.verb('nodes', 'rename', 'db', 'elsewhere');
    await page.getByLabel('Restore from a backup').setInputFiles(file);
    await page.getByRole('button', { name: 'Restore', exact: true }).click();
    await page.getByLabel('Type restore to go on').fill('restore');
    await page.getByRole('alertdialog').getByRole('button', { name: 'Restore' }).click();
    await waitFor('the backup to be restored', async () =>
      (await coordinator.verb('nodes', 'list')).includes('db'),
    );
    expect(await coordinator.verb('nodes', 'list')).not.toContain('elsewhere');
    // Sessions of before are no more: the page leads to where one signs in, and would come back here.
    await page.waitForURL(/\/sign-in/);
  });

  it('nothing failed in a script or was refused by the Content-Security-Policy', () => {
    expect(browser.problems).toEqual([]);
  });
});
