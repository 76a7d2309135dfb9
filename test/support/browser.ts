/** Debian's Chromium, as a person's browser: in a test host, or on this machine where the test itself serves the page. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, type BrowserContext, chromium, type Locator, type Page } from 'playwright-core';
import { findProgram } from './needs.ts';
import type { TestHost } from './netns.ts';
import type { Picture } from './qr-code.ts';

const FLAGS = [
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
const DESKTOP = { width: 1280, height: 800 };
const PHONE = { width: 360, height: 740 };
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

export class TestBrowser {
  readonly #browser: Browser;
  readonly #folder: string;
  /** What pages complained of: errors of scripts, and what the Content-Security-Policy refused. */
  readonly problems: string[] = [];

  private constructor(browser: Browser, folder: string) {
    this.#browser = browser;
    this.#folder = folder;
  }

  /** Without a host it runs in the machine's own network. */
  static async start(host?: TestHost): Promise<TestBrowser> {
    const folder = mkdtempSync(join(tmpdir(), 'warren-browser-'));
    const program = findProgram('chromium') as string;
    let executablePath = program;
    if (host !== undefined) {
      executablePath = join(folder, 'chromium');
      const line = `exec ip netns exec ${host.namespace} ${program} "$@"`;
      writeFileSync(executablePath, `#!/bin/sh\n${line}\n`, { mode: 0o700 });
    }
    const browser = await chromium.launch({ executablePath, args: FLAGS, chromiumSandbox: false });
    return new TestBrowser(browser, folder);
  }

  /** A page with cookies of its own. */
  async newPage(): Promise<Page> {
    const context: BrowserContext = await this.#browser.newContext({
      viewport: DESKTOP,
      reducedMotion: 'reduce',
      colorScheme: 'light',
    });
    context.setDefaultTimeout(15_000);
    const page = await context.newPage();
    page.on('pageerror', (error) => this.problems.push(`${page.url()}: ${error.message}`));
    page.on('console', (message) => {
      // An answer that is not 200, and a stream that was lost, are told so too.
      if (message.type() === 'error' && !message.text().startsWith('Failed to load resource')) {
        this.problems.push(`${page.url()}: ${message.text()}`);
      }
    });
    return page;
  }

  async close(): Promise<void> {
    await this.#browser.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** What makes a page wider than its window. */
const STICKING_OUT = `document.documentElement.scrollWidth <= document.documentElement.clientWidth ? [] :
  [...document.querySelectorAll('main *')]
    .filter((element) => element.getBoundingClientRect().right > document.documentElement.clientWidth)
    .map((element) => element.cloneNode().outerHTML)`;

/**
 * Looks at a page in a wide window, light and dark, and on a phone: axe finds nothing serious, nothing sticks out to the side.
 * With the environment's WARREN_SCREENSHOTS=FOLDER, leaves NAME-light.png and so on there for a person to look at.
 */
export async function look(page: Page, name: string): Promise<void> {
  for (const [kind, viewport, colorScheme] of [
    ['light', DESKTOP, 'light'],
    ['dark', DESKTOP, 'dark'],
    ['phone', PHONE, 'light'],
  ] as const) {
    await page.setViewportSize(viewport);
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    await screenshot(page, `${name}-${kind}`);
    await isAccessible(page, `${name} (${kind})`, kind === 'dark' ? ['color-contrast'] : null);
    const outside = await page.evaluate<string[]>(STICKING_OUT);
    if (outside.length > 0)
      throw new Error(`${name} (${kind}) sticks out to the side:\n${outside.join('\n')}`);
  }
  await page.setViewportSize(DESKTOP);
  await page.emulateMedia({ colorScheme: 'light', reducedMotion: 'reduce' });
}

/** What is seen of an element, in a theme. */
export async function pictureOf(element: Locator, colorScheme: 'light' | 'dark'): Promise<Picture> {
  const page = element.page();
  await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
  const png = await element.screenshot();
  await page.emulateMedia({ colorScheme: 'light', reducedMotion: 'reduce' });
  // The browser itself reads the PNG, on a page without a policy of its own.
  const blank = await page.context().newPage();
  const { data, ...size } = await blank.evaluate<{ width: number; height: number; data: string }>(
    `(async () => {
      const answer = await fetch('data:image/png;base64,${png.toString('base64')}');
      const picture = await createImageBitmap(await answer.blob());
      const { width, height } = picture;
      const drawing = new OffscreenCanvas(width, height).getContext('2d');
      drawing.drawImage(picture, 0, 0);
      const { data } = drawing.getImageData(0, 0, width, height);
      return { width, height, data: btoa(data.reduce((text, byte) => text + String.fromCharCode(byte), '')) };
    })()`,
  );
  await blank.close();
  return { ...size, data: Buffer.from(data, 'base64') };
}

interface Violation {
  id: string;
  impact: string;
  help: string;
  nodes: { html: string; failureSummary: string }[];
}

/** Throws what axe calls serious or critical, each with the element that it is about. `rules`: null for all. */
export async function isAccessible(
  page: Page,
  name: string,
  rules: readonly string[] | null = null,
): Promise<void> {
  if (!(await page.evaluate("'axe' in window"))) await page.evaluate(AXE);
  const options = JSON.stringify(rules === null ? {} : { runOnly: rules });
  const violations = await page.evaluate<Violation[]>(
    `axe.run(${options}).then(({ violations }) => violations)`,
  );
  const bad = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
  if (bad.length === 0) return;
  const lines = bad.flatMap(({ id, help, nodes }) =>
    nodes.slice(0, 4).map(({ html, failureSummary }) => `${id}: ${help}\n    ${html}\n    ${failureSummary}`),
  );
  throw new Error(`axe on ${name}:\n${lines.join('\n')}`);
}

/** A picture of the page as it is, if somebody asked for pictures. */
export async function screenshot(page: Page, name: string): Promise<void> {
  const folder = process.env.WARREN_SCREENSHOTS;
  if (!folder) return;
  mkdirSync(folder, { recursive: true });
  // What lies behind a dialog is as large as the window.
  const fullPage = (await page.locator('dialog[open]').count()) === 0;
  await page.screenshot({ path: join(folder, `${name}.png`), fullPage });
}

/** What the accounts of these tests sign in with. */
export const PASSPHRASE = 'nine blue teapots';

/** Opens a link as `coordinator admin link` prints it: makes the first account, ada, or sets a passphrase; either signs in. */
export async function signIn(page: Page, link: string): Promise<void> {
  await page.goto(link);
  const isFirstRun = new URL(link).pathname === '/first-run';
  if (isFirstRun) await page.getByLabel('Name', { exact: true }).fill('ada');
  await page.getByLabel('Passphrase', { exact: true }).fill(PASSPHRASE);
  await page.getByLabel('The same again').fill(PASSPHRASE);
  await page.getByRole('button', { name: isFirstRun ? 'Make the account' : 'Set it and sign in' }).click();
  await page.waitForURL((url) => !/^\/(first-run|welcome)/.test(url.pathname));
}
