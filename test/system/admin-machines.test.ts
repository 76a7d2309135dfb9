import { join } from 'node:path';
import type { Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { isAccessible, look, PASSPHRASE, screenshot, signIn, TestBrowser } from '../support/browser.ts';
import { meshOnOneSwitch, TestAgent, type TestCoordinator } from '../support/mesh.ts';
import { describeNeeds } from '../support/needs.ts';
import { Lab } from '../support/netns.ts';
import { waitFor } from '../support/wait-for.ts';

/** Two agents and a coordinator on one switch; the browser sits at the coordinator. */
describeNeeds(['root', 'tun', 'chromium'], 'an administrator in the browser', () => {
  const lab = new Lab();
  const url = 'http://127.0.0.1:8080';
  let coordinator: TestCoordinator;
  let ada: TestAgent;
  let bob: TestAgent;
  let browser: TestBrowser;
  let page: Page;

  const row = (name: string) =>
    page.getByRole('row').filter({ has: page.getByRole('link', { name, exact: true }) });
  /** Waits for the page's scripts too. */
  const follow = async (link: Locator, path: RegExp | string) => {
    await link.click();
    await page.waitForURL((where) =>
      typeof path === 'string' ? where.pathname === path : path.test(where.pathname),
    );
  };
  const openMachine = (name: string) => follow(row(name).getByRole('link'), /^\/machines\//);
  const toast = (text: string | RegExp) => page.locator('.toast').filter({ hasText: text }).waitFor();
  const answerYes = (name: string) =>
    page.getByRole('alertdialog').getByRole('button', { name, exact: true }).click();

  beforeAll(async () => {
    const mesh = await meshOnOneSwitch(lab, ['ada', 'bob']);
    coordinator = mesh.coordinator;
    ({ ada, bob } = mesh.agents);
    await coordinator.start();
    browser = await TestBrowser.start(coordinator.host);
    page = await browser.newPage();
  });
  afterAll(async () => {
    await browser?.close();
    await lab.close();
  });

  it('an empty network tells what to do', async () => {
    await signIn(page, (await coordinator.verb('admin', 'link')).trim());
    expect(new URL(page.url()).pathname).toBe('/');
    await page.getByRole('heading', { name: 'No machine has joined yet' }).waitFor();
    await look(page, 'machines-empty');
  });

  it('a token is made, shown once, and seen to be used', async () => {
    await follow(page.getByRole('link', { name: 'Add a machine' }), '/joining');
    await page.getByLabel('How many', { exact: true }).fill('0');
    await page.getByRole('button', { name: 'Make token' }).click();
    await page.getByText('expected 1 or more').waitFor();
    expect(await page.evaluate('document.activeElement.name')).toBe('maxUses');
    await isAccessible(page, 'a form with a mistake');

    await page.getByLabel('How many', { exact: true }).fill('1');
    await page.getByRole('textbox', { name: /^Tags/ }).fill('office');
    await page.getByRole('button', { name: 'Make token' }).click();
    await page.getByText('Waiting for the machine to join').waitFor();
    await page.getByRole('button', { name: 'Copy command' }).click();
    await page.getByRole('button', { name: 'Copied command' }).waitFor();
    const command = (await page.locator('[data-command]').textContent()) as string;
    const token = /^bin\/agent join (\S+)$/.exec(command)?.[1] as string;

    await ada.join(token, '--advertise-routes', '192.168.7.0/24');
    const state = page.locator('#made [data-state]');
    await state.getByText('has joined').waitFor();
    await state.getByRole('link', { name: 'ada' }).waitFor();
    await look(page, 'joining-joined');
    await page.reload();
    expect(await page.content()).not.toContain(token);
  });

  it('a machine that joins appears by itself, and needs an approval where the token says so', async () => {
    await page.getByLabel('Ask for approval').check();
    await page.getByRole('button', { name: 'Make token' }).click();
    const command = (await page.locator('[data-command]').textContent()) as string;
    await follow(page.getByRole('link', { name: 'Machines', exact: true }), '/');
    expect(await row('bob').count()).toBe(0);
    // What a person is in the middle of stays.
    await page.getByLabel('Search machines').focus();
    const joining = bob.join(command.split(' ').at(-1) as string, '--accept-routes');
    await row('bob').getByText('waits for approval').waitFor();
    expect(await page.evaluate('document.activeElement.name')).toBe('search');

    await openMachine('bob');
    await page.getByRole('button', { name: 'Approve' }).click();
    await toast('bob is a member now');
    await joining;
    await ada.knows(1);
  });

  it('is searched, filtered and sorted, all of it in the address', async () => {
    await page.goto(url);
    await page.getByLabel('Search machines').fill('192.168.7');
    await row('bob').waitFor({ state: 'detached' });
    await row('ada').getByText('1 route to approve').waitFor();
    expect(new URL(page.url()).search).toBe('?search=192.168.7');
    await page.reload();
    expect(await page.getByLabel('Search machines').inputValue()).toBe('192.168.7');
    expect(await page.locator('tbody tr').count()).toBe(1);
    await page.getByLabel('Search machines').fill('');
    await row('bob').waitFor();
    await page.getByRole('columnheader', { name: 'Name' }).getByRole('link').click();
    await waitFor('the order to be turned round', async () =>
      /bob/.test((await page.locator('tbody tr').first().textContent()) as string),
    );
    expect(new URL(page.url()).search).toBe('?sort=-name');
    await look(page, 'machines');
  });

  it('a machine is renamed, tagged, and its route approved', async () => {
    await page.goto(url);
    await openMachine('ada');
    await page.getByRole('button', { name: 'Rename' }).click();
    await page.getByLabel('New name').fill('bob');
    await page.keyboard.press('Enter');
    const problem = page.getByRole('dialog').locator('.form-error, .field-error');
    expect(await problem.textContent()).toMatch(/bob/);
    await page.getByLabel('New name').fill('countess');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { level: 1, name: 'countess' }).waitFor();
    await waitFor('the peer to hear the new name', async () =>
      (await bob.status()).peers.some(({ name }) => name === 'countess'),
    );

    await page.getByRole('button', { name: 'Tags' }).click();
    await page.getByRole('textbox', { name: /^Tags/ }).fill('server, paris');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.locator('.page-head').getByText('paris').waitFor();

    await page.getByRole('button', { name: 'Approve 192.168.7.0/24' }).click();
    await page.getByRole('button', { name: 'Take back 192.168.7.0/24' }).waitFor();
  });

  it('whoever saves what somebody else changed meanwhile is told what, and overwrites nothing unknowingly', async () => {
    /** As another administrator's page would change this machine. */
    const elsewhere = async (change: object) => {
      const sent = {
        method: 'PATCH',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify(change),
      };
      const asked = `fetch('/api/v1' + location.pathname, ${JSON.stringify(sent)}).then(({ status }) => status)`;
      expect(await page.evaluate(asked)).toBe(200);
    };
    const dialog = page.getByRole('dialog');
    const tags = dialog.getByRole('textbox', { name: /^Tags/ });
    await page.getByRole('button', { name: 'Tags' }).click();
    await tags.fill('server, oslo');
    await elsewhere({ tags: ['server', 'paris', 'backup'] });
    await page.locator('.page-head').getByText('backup').waitFor();
    expect(await tags.inputValue()).toBe('server, oslo');
    await dialog.getByRole('button', { name: 'Save' }).click();
    await dialog.getByText('“Tags” was “paris, server” and is “backup, paris, server” now').waitFor();
    await look(page, 'machine-changed-meanwhile');
    await dialog.getByRole('button', { name: 'Show what is there now' }).click();
    expect(await tags.inputValue()).toBe('backup, paris, server');
    await tags.fill('server, paris');
    // What the form does not show may change, and is none of its business.
    await elsewhere({ keyExpiresAt: '2099-01-01T00:00:00Z' });
    await dialog.getByRole('button', { name: 'Save' }).click();
    await page.locator('.page-head').getByText('backup').waitFor({ state: 'detached' });
    await elsewhere({ keyExpiresAt: null });
  });

  it('how a machine reaches its peers is shown, and why that way', async () => {
    expect(await ada.pings((await bob.addresses())[0] as string)).toBe(true);
    const path = page
      .getByRole('region', { name: 'Paths to peers' })
      .getByRole('row')
      .filter({ hasText: 'bob' });
    await path.getByText('direct', { exact: true }).waitFor();
    await path.getByText(/Direct: .* sends to (192\.0\.2\.1\d|\[2001:db8::1\d\]):/).waitFor();
    await look(page, 'machine');
    await follow(page.locator('.up'), '/');
    await row('bob').getByText('1 direct').waitFor();
  });

  it('is used by keyboard alone: past the navigation, into a dialog and out of it', async () => {
    await page.goto(url);
    await page.keyboard.press('Tab');
    expect(await page.evaluate('document.activeElement.textContent')).toBe('Skip to the content');
    await page.keyboard.press('Enter');
    await openMachine('bob');
    const rename = page.getByRole('button', { name: 'Rename' });
    await rename.focus();
    await page.keyboard.press('Enter');
    expect(await page.evaluate('document.activeElement.id')).toBe('rename-name');
    await page.keyboard.press('Escape');
    expect(await rename.evaluate((element) => element.matches(':focus'))).toBe(true);
  });

  it('on a phone the navigation is behind a button', async () => {
    await page.setViewportSize({ width: 360, height: 740 });
    const names = page.getByRole('link', { name: 'Names', exact: true });
    expect(await names.isVisible()).toBe(false);
    await page.getByRole('button', { name: 'Menu' }).click();
    await names.waitFor();
    await isAccessible(page, 'the navigation on a phone');
    await screenshot(page, 'navigation-phone');
    await follow(names, '/names');
    await page.setViewportSize({ width: 1280, height: 800 });
  });

  it('the page of routes says who carries what, and takes an approval back after a question', async () => {
    await follow(page.getByRole('link', { name: 'Routes', exact: true }), '/routes');
    await page.getByLabel('Search routes').fill('10.9');
    await page.getByText('No route is like that').waitFor();
    await page.getByLabel('Search routes').fill('168.7');
    await row('countess').getByText('used by 1 machine').waitFor();
    await look(page, 'routes');
    await page.getByRole('button', { name: 'Take back 192.168.7.0/24 at countess' }).click();
    await isAccessible(page, 'a question');
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'Take back 192.168.7.0/24 at countess' }).click();
    await answerYes('Take back');
    await page.getByRole('button', { name: 'Approve 192.168.7.0/24 at countess' }).waitFor();
  });

  it('names: zone and split domains are changed, and a mistake is told at its field', async () => {
    await follow(page.getByRole('link', { name: 'Names', exact: true }), '/names');
    const domain = page.getByRole('textbox', { name: 'Domain' });
    const resolvers = page.locator('#split-resolvers');
    await domain.fill('corp.example');
    await resolvers.fill('here');
    await page.keyboard.press('Enter');
    await page.locator('.field-error').waitFor();
    expect(await page.evaluate('document.activeElement.id')).toBe('split-resolvers');
    await resolvers.fill('10.1.0.53, 10.1.0.54');
    await page.keyboard.press('Enter');
    await page
      .getByRole('row', { name: /corp\.example/ })
      .getByText('10.1.0.54')
      .waitFor();
    await look(page, 'names');
    await page.getByRole('button', { name: 'Remove corp.example' }).click();
    await page.getByRole('row', { name: /corp\.example/ }).waitFor({ state: 'detached' });

    await page.getByRole('textbox', { name: 'Zone' }).fill('mesh.example');
    await page.getByRole('button', { name: 'Change zone' }).click();
    await answerYes('Change');
    await page
      .getByText(/^\w+\.mesh\.example$/)
      .first()
      .waitFor();
    expect(await page.getByRole('textbox', { name: 'Zone' }).inputValue()).toBe('mesh.example');
  });

  it('disabling cuts a machine off, and enabling brings it back', async () => {
    await page.goto(url);
    await openMachine('bob');
    await page.getByRole('button', { name: 'Disable' }).click();
    await answerYes('Disable');
    await page.locator('.page-head').getByText('disabled').waitFor();
    await ada.knows(0);
    await page.getByRole('button', { name: 'Enable' }).click();
    await page.locator('.page-head').getByText('disabled').waitFor({ state: 'detached' });
    await ada.knows(1);
  });

  it('a stream that was lost is told, and comes back with what happened meanwhile', async () => {
    await page.goto(url);
    await page.evaluate('window.isThisVeryPage = true');
    await coordinator.stop();
    await page.getByText('The connection to the coordinator was lost').waitFor();
    await isAccessible(page, 'a page without its stream');
    await coordinator.verb('nodes', 'rename', 'bob', 'robert');
    await coordinator.start();
    await row('robert').waitFor();
    await page.locator('#stream-state .banner').waitFor({ state: 'detached' });
    expect(await page.evaluate('window.isThisVeryPage')).toBe(true);
    await coordinator.verb('nodes', 'rename', 'robert', 'bob');
    await row('bob').waitFor();
  });

  it('tabs that nobody sees hold no connection, of which a browser has six; seen again they show what is so', async () => {
    const context = page.context();
    const hide = (isHidden: boolean) => `
      Object.defineProperty(document, 'hidden', { configurable: true, value: ${isHidden} });
      document.dispatchEvent(new Event('visibilitychange'));`;
    await page.goto(url);
    await row('bob').waitFor();
    await page.evaluate(hide(true));
    const others: Page[] = [];
    for (let count = 0; count < 7; count++) {
      const other = await context.newPage();
      others.push(other);
      await other.goto(url);
      await other.getByRole('link', { name: 'bob', exact: true }).waitFor();
      await other.evaluate(hide(true));
    }
    await coordinator.verb('nodes', 'rename', 'bob', 'robert');
    await page.evaluate(hide(false));
    await row('robert').waitFor();
    await coordinator.verb('nodes', 'rename', 'robert', 'bob');
    await row('bob').waitFor();
    await Promise.all(others.map((other) => other.close()));
  });

  it('an ended session comes back to the same page after signing in', async () => {
    await page.goto(`${url}/?search=bob&sort=-seen`);
    await row('bob').waitFor();
    await page.context().clearCookies();
    await page.getByLabel('Search machines').fill('bo');
    await page.waitForURL((where) => where.pathname === '/sign-in');
    await page.getByLabel('Name', { exact: true }).fill('ada');
    await page.getByLabel('Passphrase', { exact: true }).fill(PASSPHRASE);
    await page.getByRole('button', { name: 'Sign in', exact: true }).click();
    await page.waitForURL(`${url}/?search=bo&sort=-seen`);
    await row('bob').waitFor();
  });

  it('SEC-59: what a host says of itself is shown as text', async () => {
    const name = `<script>document.title="pwned"</script><img src=x onerror='document.title="pwned"'>\u0007`;
    await bob.stop();
    const evil = new TestAgent(bob.host, name, join(lab.directory('evil'), 'state'));
    await evil.join(await coordinator.token());
    await evil.stop();
    await page.goto(url);
    await openMachine('script-document');
    await page.getByText('onerror=').waitFor();
    expect(await page.title()).toMatch(/· Warren$/);
    expect(await page.locator('main script, main img').count()).toBe(0);
  });

  it('a machine is removed for good', async () => {
    await page.goto(url);
    await openMachine('bob');
    await page.getByRole('button', { name: 'Remove' }).click();
    // Enter alone must not do it.
    await page.keyboard.press('Enter');
    await page.getByRole('alertdialog').waitFor({ state: 'detached' });
    await page.getByRole('button', { name: 'Remove' }).click();
    await answerYes('Remove');
    await page.waitForURL(`${url}/`);
    await row('countess').waitFor();
    expect(await row('bob').count()).toBe(0);
  });

  it('no script failed, and nothing was refused by the content security policy', () => {
    expect(browser.problems).toEqual([]);
  });
});
