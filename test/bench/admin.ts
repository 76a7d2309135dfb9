/**
 * The admin page of a network of 2,000 machines: how long its overview takes to open in Chromium, and how long it stands still
 * while the network changes. By hand, on a quiet machine:
 *
 *     bin/warren-node test/bench/admin.ts [MACHINES]
 */
import type { Page } from 'playwright-core';
import { systemClock } from '../../shared/clock.ts';
import { TestBrowser } from '../support/browser.ts';
import { FilledMesh } from '../support/filled-mesh.ts';

const MACHINES = Number(process.argv[2] ?? 2_000);
const PEERS = 8;
const ROUNDS = 5;
/** How long the pages are watched while something changes, and how often it does. */
const WATCHED = 10_000;
const CHANGE_INTERVAL = 200;

const median = (values: readonly number[]) =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] as number;
const ms = (value: number) => `${value.toFixed(0)} ms`;

/** Each is there when `ready` holds. */
const PAGES = [
  { path: '/', name: 'machines', ready: "document.querySelectorAll('#machines tbody tr').length > 0" },
  {
    path: '/map',
    name: 'map',
    ready: "(document.getElementById('map-canvas')?._cyreg?.cy.nodes().length ?? 0) > 0",
  },
  {
    path: '/map/latency',
    name: 'latency',
    ready: "document.querySelectorAll('.matrix tbody tr').length > 0",
  },
] as const;

async function opening(page: Page, url: string, ready: string): Promise<number> {
  const begin = performance.now();
  await page.goto(url, { waitUntil: 'commit' });
  // The Content-Security-Policy lets nobody evaluate strings in the page, playwright's own waiting included.
  while (!(await page.evaluate<boolean>(ready).catch(() => false)))
    await new Promise((resolve) => setTimeout(resolve, 5));
  return performance.now() - begin;
}

/** The longest that the page's own thread was busy in one piece, and how much it fetched. */
async function watched(page: Page, mesh: FilledMesh): Promise<string> {
  let fetched = 0;
  page.on('response', (response) => {
    void response.body().then(
      (body) => {
        fetched += body.length;
      },
      () => {},
    );
  });
  await page.evaluate(`(() => {
    window.longest = 0;
    new PerformanceObserver((list) => {
      for (const { duration } of list.getEntries()) window.longest = Math.max(window.longest, duration);
    }).observe({ type: 'longtask' });
  })()`);
  const cpu = process.cpuUsage();
  let [changes, stalled, last] = [0, 0, performance.now()];
  const stall = setInterval(() => {
    stalled = Math.max(stalled, performance.now() - last - 10);
    last = performance.now();
  }, 10);
  const end = performance.now() + WATCHED;
  while (performance.now() < end) {
    const id = mesh.ids[changes % mesh.ids.length] as string;
    await mesh.store.setOnline(id, 'test', changes % 2 === 0, systemClock.wall());
    mesh.traffic(50, 100_000 + changes);
    changes++;
    await new Promise((resolve) => setTimeout(resolve, CHANGE_INTERVAL));
  }
  clearInterval(stall);
  const { user, system } = process.cpuUsage(cpu);
  const longest = await page.evaluate<number>('window.longest');
  const busy = (user + system) / 10 / WATCHED;
  return `${changes} changes: the page stood still for ${ms(longest)} at most, the coordinator for ${ms(stalled)}; it used ${busy.toFixed(0)}% of a core, ${(fetched / 1_000_000).toFixed(1)} MB fetched`;
}

const begin = performance.now();
const mesh = await FilledMesh.open({
  machines: MACHINES,
  peers: PEERS,
  tags: ['office', 'web', 'db', 'lab', 'edge', 'ci', 'build', ''],
});
console.log(`${MACHINES} machines, ${PEERS} peers each: filled in ${ms(performance.now() - begin)}`);
const browser = await TestBrowser.start();
try {
  const page = await browser.newPage();
  await page.goto(`${mesh.url}/sign-in`);
  await page.getByLabel('Name').fill(mesh.account.name);
  await page.getByLabel('Passphrase').fill(mesh.account.passphrase);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await page.waitForURL((url) => url.pathname === '/');
  for (const { path, name, ready } of PAGES) {
    const times: number[] = [];
    for (let round = 0; round < ROUNDS; round++) times.push(await opening(page, `${mesh.url}${path}`, ready));
    console.log(`${name}: open in ${ms(median(times))} (${times.map(ms).join(', ')})`);
    console.log(`  ${await watched(page, mesh)}`);
  }
  if (browser.problems.length > 0) console.log(browser.problems);
} finally {
  await browser.close();
  await mesh.close();
}
