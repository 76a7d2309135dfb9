/** How people sign in: first run, second factor, passkeys, a provider, and out again, in a browser at a coordinator's own host. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Secret, TOTP } from 'otpauth';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { look, PASSPHRASE, TestBrowser } from '../support/browser.ts';
import { TestCoordinator } from '../support/mesh.ts';
import { describeNeeds } from '../support/needs.ts';
import { Lab, type TestHost } from '../support/netns.ts';

const ROOT = join(import.meta.dirname, '../..');
/** A host name, as passkeys need it. */
const ORIGIN = 'http://localhost:8080';
const PROVIDER_PORT = 9090;

describeNeeds(['root', 'chromium'], 'accounts in the browser', () => {
  const lab = new Lab();
  let host: TestHost;
  let coordinator: TestCoordinator;
  let browser: TestBrowser;
  let page: Page;
  let secret = '';
  let recoveryCodes: string[] = [];

  beforeAll(async () => {
    host = await lab.host('coord');
    const folder = lab.directory('oidc');
    mkdirSync(folder, { recursive: true });
    const config = join(folder, 'oidc.json');
    writeFileSync(join(folder, 'secret'), 'a secret of this test\n');
    writeFileSync(
      config,
      JSON.stringify({
        issuer: `http://127.0.0.1:${PROVIDER_PORT}`,
        clientId: 'warren',
        clientSecretFile: 'secret',
        label: 'Example',
        admit: [{ group: 'netops', domain: 'example.com', role: 'admin' }],
      }),
    );
    const provider = host.spawn(join(ROOT, 'bin/warren-node'), [
      join(ROOT, 'test/support/oidc-provider.mjs'),
      String(PROVIDER_PORT),
      `${ORIGIN}/sign-in/oidc/callback`,
    ]);
    coordinator = new TestCoordinator(host, lab.directory('coordinator'), ['--oidc', config]);
    await coordinator.start();
    await provider.waitForOutput(/provider ready/);
    browser = await TestBrowser.start(host);
    page = await browser.newPage();
  });
  afterAll(async () => {
    await browser?.close();
    await lab.close();
  });

  const link = async (...args: string[]) =>
    (await coordinator.verb('admin', 'link', ...args)).trim().replace('127.0.0.1', 'localhost');
  const pathOf = (at: Page) => new URL(at.url()).pathname;
  const arrive = (at: Page, path: string) => at.waitForURL((url) => url.pathname === path);
  const typePassphrase = async (at: Page, name: string, passphrase = PASSPHRASE) => {
    await at.getByLabel('Name', { exact: true }).fill(name);
    await at.getByLabel('Passphrase', { exact: true }).fill(passphrase);
    await at.getByRole('button', { name: 'Sign in', exact: true }).click();
  };
  const typeCode = async (at: Page, code: string) => {
    await at.getByLabel('Code', { exact: true }).fill(code);
    await at.getByRole('button', { name: 'Sign in' }).click();
  };

  it('before there is an account, the sign-in page tells where the link is', async () => {
    await page.goto(ORIGIN);
    await page.getByRole('heading', { name: 'Nobody can sign in yet' }).waitFor();
    expect(pathOf(page)).toBe('/sign-in');
    await look(page, 'sign-in-nobody');
  });

  it('SEC-54: the link of the first run makes the first account, and a mistake uses nothing up', async () => {
    await page.goto(await link());
    await look(page, 'first-run');
    await page.getByLabel('Name', { exact: true }).fill('ada');
    await page.getByLabel('Full name').fill('Ada Lovelace');
    await page.getByLabel('Passphrase', { exact: true }).fill('password1234');
    await page.getByLabel('The same again').fill('password1234');
    await page.getByRole('button', { name: 'Make the account' }).click();
    await page.getByText('too easy to guess').waitFor();
    await page.getByLabel('Passphrase', { exact: true }).fill(PASSPHRASE);
    await page.getByLabel('The same again').fill(PASSPHRASE);
    await page.getByRole('button', { name: 'Make the account' }).click();
    await arrive(page, '/');
  });

  it('an authenticator app is set up by QR code or key, and gives recovery codes once', async () => {
    await page.goto(`${ORIGIN}/account`);
    await page.getByRole('button', { name: 'Set up an authenticator app' }).click();
    secret = (await page.locator('[data-secret]').textContent()) as string;
    expect(await page.locator('svg.qr path').getAttribute('d')).toMatch(/^M\d/);
    await look(page, 'account-totp');
    await page.getByLabel('Code that the app shows now').fill('000000');
    await page.getByRole('button', { name: 'Turn it on' }).click();
    await page.getByText('this is not the code').waitFor();
    await page.getByLabel('Code that the app shows now').fill(totp(secret, Date.now()));
    await page.getByRole('button', { name: 'Turn it on' }).click();
    await page.getByText('The second factor is on').waitFor();
    recoveryCodes = ((await page.locator('[data-codes]').textContent()) as string).split('\n');
    expect(recoveryCodes).toHaveLength(10);
    await look(page, 'account-recovery-codes');
    await page.getByRole('button', { name: 'I have kept them' }).click();
    await page.getByText('10 recovery codes are left').waitFor();
  });

  it('signing in asks for the code after the passphrase, and leads back to the page that was asked for', async () => {
    await page.getByRole('button', { name: 'Sign out', exact: true }).click();
    await arrive(page, '/sign-in');
    await page.goto(`${ORIGIN}/audit?action=user.create#rows`);
    await arrive(page, '/sign-in');
    await look(page, 'sign-in');
    await typePassphrase(page, 'ada', 'not this one');
    await page.getByText('Name or passphrase is wrong').waitFor();
    await typePassphrase(page, 'ada');
    await page.getByRole('heading', { name: 'Second factor' }).waitFor();
    await look(page, 'second-factor');
    await typeCode(page, '000000');
    await page.getByText('That code is wrong').waitFor();
    // The step after the one whose code is used already: clocks of telephones may be ahead.
    await typeCode(page, totp(secret, Date.now() + 30_000));
    await arrive(page, '/audit');
    expect(new URL(page.url()).search).toBe('?action=user.create');
  });

  it('a passkey is added, and signs in alone', async () => {
    const devtools = await page.context().newCDPSession(page);
    await devtools.send('WebAuthn.enable');
    await devtools.send('WebAuthn.addVirtualAuthenticator', {
      options: {
        protocol: 'ctap2',
        transport: 'internal',
        hasResidentKey: true,
        hasUserVerification: true,
        isUserVerified: true,
        automaticPresenceSimulation: true,
      },
    });
    await page.goto(`${ORIGIN}/account`);
    await page.getByRole('button', { name: 'Add a passkey' }).click();
    await page.getByRole('row', { name: /^Linux, / }).waitFor();
    await look(page, 'account');
    await page.getByRole('button', { name: 'Sign out', exact: true }).click();
    await arrive(page, '/sign-in');
    await page.goto(`${ORIGIN}/sign-in?return=/account`);
    await page.getByRole('button', { name: 'Use a passkey' }).click();
    await arrive(page, '/account');
    await page.getByText('by passkey').waitFor();
  });

  it('a session survives a restart of the coordinator', async () => {
    await coordinator.stop();
    await coordinator.start();
    await page.reload();
    expect(pathOf(page)).toBe('/account');
    await page.getByText('Where you are signed in').waitFor();
  });

  it('an auditor is invited by a link, may look and not change', async () => {
    await page.goto(`${ORIGIN}/users`);
    await page.getByLabel('Name', { exact: true }).fill('<b>');
    await page.getByRole('button', { name: 'Make the link' }).click();
    await page.getByText('letters, digits, dots and hyphens').waitFor();
    await page.getByLabel('Name', { exact: true }).fill('bob@example.com');
    await page.getByRole('button', { name: 'Make the link' }).click();
    const invitation = (await page.locator('[data-link]').textContent()) as string;
    await page.getByRole('row', { name: /bob@example\.com/ }).waitFor();
    await look(page, 'users');

    const bob = await browser.newPage();
    await bob.goto(invitation);
    await look(bob, 'welcome');
    await bob.getByLabel('Passphrase', { exact: true }).fill('seven green kettles');
    await bob.getByLabel('The same again').fill('seven green kettles');
    await bob.getByRole('button', { name: 'Set it and sign in' }).click();
    await arrive(bob, '/');
    await bob.getByText('Auditor: may look, not change').waitFor();
    expect(await bob.getByRole('link', { name: 'Users' }).count()).toBe(0);
    await bob.goto(`${ORIGIN}/users`);
    await bob.getByText('Your role does not allow this').waitFor();
    await look(bob, 'not-allowed');
    await bob.goto(invitation);
    await bob.getByRole('heading', { name: 'This link is not good' }).waitFor();
    await look(bob, 'bad-link');

    await page.goto(`${ORIGIN}/users`);
    await page.getByRole('button', { name: 'Edit bob@example.com' }).click();
    await look(page, 'users-edit');
    await page.getByRole('checkbox', { name: 'Disabled' }).check();
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByRole('row', { name: /bob.*disabled/ }).waitFor();
    await bob.goto(`${ORIGIN}/account`);
    await arrive(bob, '/sign-in');
    await bob.context().close();
  });

  it('the last owner cannot be demoted', async () => {
    await page.getByRole('button', { name: 'Edit ada' }).click();
    await page.getByRole('dialog').getByLabel('Role').selectOption('admin');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('ada is the last owner').waitFor();
  });

  it('an API key is made, shown once, and removed', async () => {
    await page.goto(`${ORIGIN}/api-keys`);
    await page.getByLabel('Name', { exact: true }).fill('backup job');
    await page.getByRole('button', { name: 'Make key' }).click();
    await page.getByText('expected one scope or more').waitFor();
    await look(page, 'api-keys-new');
    await page.getByLabel('machines:read').check();
    await page.getByRole('button', { name: 'Make key' }).click();
    const key = (await page.locator('[data-secret]').textContent()) as string;
    const ask = () =>
      host.run('curl', ['-s', '-H', `Authorization: Bearer ${key}`, `${ORIGIN}/api/v1/machines`]);
    expect((await ask()).stdout).toContain('"items":[]');
    await page.getByRole('button', { name: 'Remove backup job' }).click();
    await page.getByRole('alertdialog').getByRole('button', { name: 'Remove' }).click();
    await page.getByText('There are none.').waitFor();
    expect((await ask()).stdout).toContain('"status":401');
  });

  it('whoever has a session alone is asked to confirm who they are, and the same request then goes through', async () => {
    const shown = 'warren-confirmed';
    await page.goto(`${ORIGIN}/api-keys`);
    await page.getByLabel('Name', { exact: true }).fill('second job');
    await page.getByLabel('machines:read').check();
    await page.context().clearCookies({ name: shown });
    await page.getByRole('button', { name: 'Make key' }).click();
    const dialog = page.getByRole('dialog', { name: 'Is it you?' });
    await dialog.getByRole('button', { name: 'Confirm' }).waitFor();
    await look(page, 'confirm-identity');
    await dialog.getByLabel('Your passphrase').fill('not this one');
    await dialog.getByRole('button', { name: 'Confirm' }).click();
    await dialog.getByText('this is not your passphrase').waitFor();
    await dialog.getByRole('button', { name: 'Cancel' }).click();
    await page.getByText('it was not confirmed who you are').waitFor();
    expect(await page.locator('[data-secret]').count()).toBe(0);
    await page.getByRole('button', { name: 'Make key' }).click();
    await dialog.getByLabel('Your passphrase').fill(PASSPHRASE);
    await dialog.getByLabel('Your passphrase').press('Enter');
    await page.locator('[data-secret]').waitFor();
    await page.getByRole('row', { name: /second job/ }).waitFor();

    await page.goto(`${ORIGIN}/settings`);
    await page.context().clearCookies({ name: shown });
    const download = page.waitForEvent('download');
    await page.getByRole('link', { name: 'Download a backup' }).click();
    await dialog.getByRole('button', { name: 'Use a passkey' }).click();
    expect((await download).suggestedFilename()).toMatch(/^warren-backup-.*\.db$/);
  });

  it('a provider signs in whom a rule admits, and nobody else', async () => {
    const sign = async (name: string) => {
      const at = await browser.newPage();
      await at.goto(`${ORIGIN}/sign-in?return=/account`);
      await at.getByRole('link', { name: 'Sign in with Example' }).click();
      await at.locator('[name=login]').fill(name);
      await at.locator('[name=password]').fill('any');
      await at.locator('[type=submit]').click();
      await at.getByRole('button', { name: 'Continue' }).click();
      await at.waitForURL((url) => url.host === 'localhost:8080');
      return at;
    };
    const grace = await sign('netops-grace');
    await arrive(grace, '/account');
    await grace.getByText('grace@example.com').first().waitFor();
    await grace.getByText('netops@127.0.0.1:9090').waitFor();
    // Who has no passphrase here proves anew who they are at the provider, which asks although it knows her.
    await grace.context().clearCookies({ name: 'warren-confirmed' });
    const ways = () =>
      grace.evaluate<{ confirmedUntil: string | null }>(
        "fetch('/api/v1/account/confirmation').then((answer) => answer.json())",
      );
    expect((await ways()).confirmedUntil).toBeNull();
    await grace.evaluate(
      "void import('/assets/confirmation.js').then(({ confirmIdentity }) => confirmIdentity())",
    );
    await grace.getByRole('button', { name: 'Sign in with Example' }).click();
    await grace.locator('[name=login]').fill('netops-grace');
    await grace.locator('[name=password]').fill('any');
    await grace.locator('[type=submit]').click();
    await arrive(grace, '/account');
    expect((await ways()).confirmedUntil).not.toBeNull();
    await grace.context().close();
    const eve = await sign('eve');
    await eve.getByText('this network does not admit you').waitFor();
    await look(eve, 'not-admitted');
    await eve.context().close();
    expect(JSON.parse(await coordinator.verb('admin', 'list', '--json'))).toMatchObject([
      { name: 'ada' },
      { name: 'bob@example.com' },
      { name: 'grace@example.com', role: 'admin', groups: ['netops@127.0.0.1:9090'] },
    ]);
  });

  it('SEC-55: signing out everywhere ends the other browser too, and a page left open leads to signing in and back', async () => {
    const other = await browser.newPage();
    await other.goto(`${ORIGIN}/sign-in`);
    await typePassphrase(other, 'ada');
    await typeCode(other, recoveryCodes[0] as string);
    await arrive(other, '/');
    await other.goto(`${ORIGIN}/joining?from=here`);
    await page.goto(`${ORIGIN}/account`);
    await page.getByRole('button', { name: 'Sign out everywhere' }).click();
    await page.getByRole('alertdialog').getByRole('button', { name: 'Sign out' }).click();
    await arrive(page, '/sign-in');
    await arrive(other, '/sign-in');
    await typePassphrase(other, 'ada');
    await typeCode(other, recoveryCodes[1] as string);
    await arrive(other, '/joining');
    expect(new URL(other.url()).search).toBe('?from=here');
    expect(browser.problems).toEqual([]);
  });
});

/** What an authenticator app shows at a time. */
function totp(secret: string, timestamp: number): string {
  return new TOTP({ secret: Secret.fromBase32(secret) }).generate({ timestamp });
}
