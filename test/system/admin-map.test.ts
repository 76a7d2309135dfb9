/**
 * The map of a mesh with paths of each kind, in the browser:
 *
 *     ada ── hard NAT ──┐             ┌── hard NAT ── bob
 *                       └─── core ────┤
 *     coordinator, browser ───┘       └── cid (public, with a network behind it)
 */
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { look, signIn, TestBrowser } from '../support/browser.ts';
import { TestAgent, TestCoordinator } from '../support/mesh.ts';
import { Internet } from '../support/nat.ts';
import { describeNeeds } from '../support/needs.ts';
import { Lab, type TestHost } from '../support/netns.ts';
import type { Child } from '../support/process.ts';
import { waitFor } from '../support/wait-for.ts';

describeNeeds(['root', 'tun', 'nft', 'chromium', 'curl'], 'the map of the mesh', () => {
  const lab = new Lab();
  let coordinator: TestCoordinator;
  let [ada, bob, cid, dan] = [] as unknown as [TestAgent, TestAgent, TestAgent, TestAgent];
  let browser: TestBrowser;
  let page: Page;
  const pings: Child[] = [];

  /** Kinds of the lines as they are drawn, by the names of their ends. */
  const lines = () =>
    page.evaluate<Record<string, string>>(`(() => {
      const { cy } = document.getElementById('map-canvas')._cyreg;
      const name = (id) => cy.getElementById(id).data('label');
      return Object.fromEntries(cy.edges().map((edge) => [
        [name(edge.data('source')), name(edge.data('target'))].sort().join(' '),
        ['direct', 'relay', 'none', 'tie'].find((kind) => edge.hasClass(kind)),
      ]));
    })()`);
  const until = (what: string, found: (drawn: Record<string, string>) => boolean) =>
    waitFor(what, async () => (found(await lines()) ? true : null), { timeout: 60_000 });
  const why = async (a: string, b: string) => {
    await page.getByLabel('One machine').fill(a);
    await page.getByLabel('Another').fill(b);
    await page.getByRole('button', { name: 'Tell me' }).click();
    await page.locator('#map-panel h2').filter({ hasText: a }).filter({ hasText: b }).waitFor();
  };
  const panel = (text: string | RegExp) => page.locator('#map-panel').getByText(text).first().waitFor();

  beforeAll(async () => {
    const internet = await Internet.open(lab);
    const host = await internet.host('coord', 4);
    coordinator = new TestCoordinator(host, lab.directory('coordinator'));
    await coordinator.start();
    const hardNat = async (label: string) =>
      (await internet.nat(`${label}-nat`, { kind: 'symmetric', ipv4Only: true })).host(label);
    const agent = (on: TestHost, label: string) =>
      new TestAgent(on, label, join(lab.directory(label), 'state'));
    ada = agent(await hardNat('ada'), 'ada');
    bob = agent(await hardNat('bob'), 'bob');
    cid = agent(await internet.host('cid', 4), 'cid');
    dan = agent(await internet.host('dan', 4), 'dan');
    const starting = TestBrowser.start(host);
    await Promise.all(
      [ada, bob, cid, dan].map(async (each) => {
        const flags = each === cid ? ['--advertise-routes', '10.9.0.0/24'] : [];
        await each.join(await coordinator.token(), ...flags);
      }),
    );
    await coordinator.verb('routes', 'approve', 'cid', '10.9.0.0/24');
    browser = await starting;
    page = await browser.newPage();
    await signIn(page, (await coordinator.verb('admin', 'link')).trim());
    await ada.knows(3);
  }, 120_000);
  afterAll(async () => {
    await browser?.close();
    await lab.close();
  });

  const steadily = async (from: TestAgent, to: TestAgent) => {
    const [address] = (await to.addresses()) as [string];
    expect(await from.pings(address)).toBe(true);
    pings.push(from.host.spawn('ping', ['-n', '-i', '0.2', address]));
  };

  it('machines and the network behind one are there, and nothing is between them yet', async () => {
    await page.goto('http://127.0.0.1:8080/map');
    await page.getByText('4 machines, 4 connected').waitFor();
    await until('the network behind cid', (drawn) => drawn['10.9.0.0/24 cid'] === 'tie');
    await why('bob', 'cid');
    await panel('Not connected yet: nothing was sent between them.');
  });

  it('two behind hard NATs are drawn by relay, one with a public host directly, within seconds', async () => {
    await steadily(ada, bob);
    await steadily(ada, cid);
    await until(
      'a line of each kind',
      (drawn) => drawn['ada bob'] === 'relay' && drawn['ada cid'] === 'direct',
    );
    await why('ada', 'bob');
    await panel(/^By relay: both are behind hard NATs/);
    await panel(/forward a UDP port to (ada or to bob|bob or to ada), and name it there/);
    await look(page, 'map');
    await why('cid', 'ada');
    await panel(/^Direct: .*ada sends to 203\.0\.113\.\d+:\d+/);
    await page.getByText(/1 direct paths?, 1 by relay/).waitFor();
  });

  it('the table of pairs and the matrix say the same', async () => {
    await page.goto('http://127.0.0.1:8080/map/pairs');
    const row = page.getByRole('row').filter({ hasText: /ada – bob|bob – ada/ });
    await row.getByText('by relay').waitFor();
    await look(page, 'map-pairs');
    await row.getByRole('link', { name: /^Why/ }).click();
    await page.getByText(/^By relay: both are behind hard NATs/).waitFor();
    await look(page, 'map-pair');
    await page.goto('http://127.0.0.1:8080/map/latency');
    await page.locator('td.direct').first().waitFor();
    // Reckoned from what both measured to the relay.
    await page.locator('td.relay').filter({ hasText: '~' }).first().waitFor();
    await look(page, 'map-latency');
  });

  it('a machine has the charts of its day, and how its paths changed', async () => {
    await page.goto('http://127.0.0.1:8080/');
    await page.locator('#machines').getByRole('link', { name: 'ada', exact: true }).click();
    await page.locator('#chart-traffic canvas').waitFor();
    await page.getByText(/^At most .*bit\/s received and .*bit\/s sent/).waitFor();
    await page.getByText(/^Measured last: .*(bob|cid) [\d.]+ ms/).waitFor();
    const changes = page.getByRole('region', { name: 'Changes of paths' });
    await changes.getByRole('row').filter({ hasText: 'cid' }).filter({ hasText: 'direct' }).first().waitFor();
    await look(page, 'machine-history');
  });

  it('machines that the policy keeps apart are said to be so', async () => {
    const policy = '{"acls": [{"action": "accept", "src": ["100.64.0.0/10"], "dst": ["CID:*"]}]}';
    const [address] = (await cid.addresses()) as [string];
    const file = join(lab.directory('policy'), 'policy.json');
    await coordinator.host.runOk('sh', ['-c', 'cat > "$1"', 'sh', file], {
      input: policy.replace('CID', address),
    });
    await coordinator.verb('policy', 'apply', file);
    await page.goto('http://127.0.0.1:8080/map');
    await until('the line to go', (drawn) => drawn['ada bob'] === undefined && drawn['ada cid'] === 'direct');
    await why('ada', 'bob');
    await panel(/^Kept apart by the policy: no rule lets ada reach bob or bob reach ada/);
    await why('ada', 'cid');
    await panel(/acls\[0\] in line 1: ada may reach cid/);
  });

  it('an agent that is stopped is away, and what it was connected to is told so', async () => {
    for (const ping of pings) await ping.end('SIGINT');
    await cid.stop();
    await page.getByText('4 machines, 3 connected').waitFor();
    await why('ada', 'cid');
    await panel(/^Not connected: cid is away/);
    expect(browser.problems).toEqual([]);
  });

  it('an agent has metrics on its socket, and on a port where it was asked to', async () => {
    const text = await ada.host.runOk('curl', [
      '--silent',
      '--show-error',
      '--unix-socket',
      join(ada.state, 'agent.sock'),
      'http://agent/metrics',
    ]);
    expect(text).toMatch(/^warren_agent_peer_path_info\{peer="cid",path="\w+"\} 1$/m);
    expect(text).toMatch(/^warren_agent_nat_info\{mapping="address-and-port-dependent",.*\} 1$/m);
    await dan.stop();
    await dan.up('--metrics', '127.0.0.1:9586');
    await waitFor('the port', async () => {
      const { status, stdout } = await dan.host.run('curl', ['--silent', 'http://127.0.0.1:9586/metrics']);
      return status === 0 && stdout.includes('warren_agent_coordinator_connected') ? true : null;
    });
    expect((await dan.run('up', '--metrics', 'nonsense')).status).toBe(2);
  });
});
