/**
 * Two coordinators of one database, each with agents and a page of its own:
 *
 *     one ── ada          two ── bob, cid          all on one switch, no UDP between ada and bob
 */
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { look, PASSPHRASE, signIn, TestBrowser } from '../support/browser.ts';
import { TestAgent, TestCoordinator } from '../support/mesh.ts';
import { describeNeeds } from '../support/needs.ts';
import { Lab, type TestHost } from '../support/netns.ts';
import { describePostgres, PostgresCluster } from '../support/postgres.ts';
import { waitFor } from '../support/wait-for.ts';

describeNeeds(['root', 'tun', 'nft', 'chromium'], 'two coordinators', () => {
  describePostgres('of one database', () => {
    const lab = new Lab();
    let cluster: PostgresCluster;
    let database: string[];
    let [one, two] = [] as unknown as [TestCoordinator, TestCoordinator];
    let [ada, bob, cid] = [] as unknown as [TestAgent, TestAgent, TestAgent];
    let browser: TestBrowser;
    let [pageOfOne, pageOfTwo] = [] as unknown as [Page, Page];

    const admin = (number: 1 | 2) => `http://192.0.2.${number}:8080`;
    const token = async (from: TestCoordinator, ...flags: string[]) =>
      (await from.verb('token', 'create', ...database, ...flags)).trim();
    const row = (page: Page, name: string) =>
      page.locator('#machines tr').filter({ has: page.getByRole('link', { name, exact: true }) });
    const isConnected = (page: Page, name: string) =>
      row(page, name).getByText('Connected', { exact: true }).waitFor({ timeout: 30_000 });
    const rename = async (at: TestCoordinator, from: string, to: string) =>
      at.verb('nodes', 'rename', from, to, ...database);
    const hears = (agent: TestAgent, name: string) =>
      waitFor(`${agent.name} to hear of ${name}`, async () =>
        (await agent.status()).peers.some((peer) => peer.name === name),
      );

    beforeAll(async () => {
      cluster = await PostgresCluster.create();
      database = ['--database', await cluster.createDatabase()];
      const wire = await lab.switch('wire');
      const host = async (label: string, number: number): Promise<TestHost> => {
        const made = await lab.host(label);
        await lab.plug(made, wire, [`192.0.2.${number}/24`]);
        return made;
      };
      const coordinator = async (label: string, number: 1 | 2) =>
        new TestCoordinator(await host(label, number), lab.directory(label), [
          ...database,
          ...['--admin', `192.0.2.${number}:8080`],
        ]);
      const agent = async (label: string, number: number) =>
        new TestAgent(await host(label, number), label, join(lab.directory(label), 'state'));
      [one, two] = [await coordinator('one', 1), await coordinator('two', 2)];
      [ada, bob, cid] = [await agent('ada', 11), await agent('bob', 12), await agent('cid', 13)];
      await ada.host.runOk('nft', [
        'add table inet no-udp; add chain inet no-udp out { type filter hook output priority 0; }; add rule inet no-udp out ip daddr 192.0.2.12 udp dport != 53 drop',
      ]);
      // Both find an empty database.
      [browser] = await Promise.all([TestBrowser.start(one.host), one.start(), two.start()]);
      pageOfOne = await browser.newPage();
      pageOfTwo = await browser.newPage();
      await signIn(pageOfOne, (await one.verb('admin', 'link')).trim());
      await pageOfOne.goto(`${admin(1)}/`);
      // The account was made at the other one.
      await pageOfTwo.goto(`${admin(2)}/sign-in`);
      await pageOfTwo.getByLabel('Name', { exact: true }).fill('ada');
      await pageOfTwo.getByLabel('Passphrase', { exact: true }).fill(PASSPHRASE);
      await pageOfTwo.getByRole('button', { name: 'Sign in', exact: true }).click();
      await pageOfTwo.waitForURL(`${admin(2)}/`);
    }, 120_000);
    afterAll(async () => {
      await browser?.close();
      await lab.close();
      await cluster?.remove();
    });

    it('who joins at either is shown as online by both at once', async () => {
      await ada.join(await token(one));
      await bob.join(await token(two));
      // Of the other coordinator only the map tells this one.
      await cid.join(await token(two, '--url', 'https://192.0.2.2:8443'));
      for (const page of [pageOfOne, pageOfTwo])
        for (const name of ['ada', 'bob', 'cid']) await isConnected(page, name);
      for (const each of [ada, bob, cid]) await each.knows(2);
    });

    it('what is changed at one is heard at the other, by agents and by the page that is open', async () => {
      await rename(one, 'cid', 'cora');
      await hears(bob, 'cora');
      await row(pageOfTwo, 'cora').waitFor({ timeout: 30_000 });
      await cluster.stop();
      await cluster.start();
      await rename(one, 'cora', 'cleo');
      await hears(bob, 'cleo');
      await row(pageOfTwo, 'cleo').waitFor({ timeout: 30_000 });
    });

    it('agents of both reach each other, by relay too, and each page draws the paths of all', async () => {
      const [bobs, cids] = [await bob.addresses(), await cid.addresses()] as [string[], string[]];
      expect(await ada.pings(bobs[0] as string, 10)).toBe(true);
      expect(await bob.pings(cids[0] as string, 10)).toBe(true);
      bob.host.spawn('ping', ['-n', '-i', '0.5', cids[0] as string]);
      ada.host.spawn('ping', ['-n', '-i', '0.5', bobs[0] as string]);
      await pageOfOne.goto(`${admin(1)}/map/pairs`);
      const pair = (names: RegExp, kind: string) =>
        pageOfOne.getByRole('row').filter({ hasText: names }).getByText(kind).waitFor({ timeout: 30_000 });
      await pair(/bob – cleo|cleo – bob/, 'direct');
      await pair(/ada – bob|bob – ada/, 'by relay');
      await look(pageOfOne, 'several-coordinators');
    });

    it('one is killed, and its agents go to the other', async () => {
      await two.stop('SIGKILL');
      await rename(one, 'ada', 'alma');
      for (const each of [bob, cid]) await hears(each, 'alma');
      await pageOfOne.goto(`${admin(1)}/`);
      for (const name of ['alma', 'bob', 'cleo']) await isConnected(pageOfOne, name);
    });
  });
});
