import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type AdminServer, serveAdmin } from '../../coordinator/admin/serve-admin.ts';
import { AdminFixture } from '../support/admin-app.ts';
import { TestBrowser } from '../support/browser.ts';
import { describeNeeds } from '../support/needs.ts';

/** The modules that pages share, in a browser, on pages made up here. */
describeNeeds(['chromium'], 'what the scripts of pages share', () => {
  let fixture: AdminFixture;
  let server: AdminServer;
  let browser: TestBrowser;
  let page: Page;

  beforeAll(async () => {
    fixture = await AdminFixture.open();
    server = await serveAdmin(fixture.app, { host: '127.0.0.1', port: 0 });
    browser = await TestBrowser.start();
    page = await browser.newPage();
    await page.goto(`${server.url}/sign-in`);
  });
  afterAll(async () => {
    await browser?.close();
    await server?.close();
    await fixture?.close();
  });

  /** Shows some markup, runs some script with the module as `it`, and gives what that returns. */
  const run = <T>(module: string, markup: string, script: string) =>
    page.evaluate<T>(`(async () => {
      const it = await import('/assets/${module}');
      const main = document.querySelector('main');
      main.innerHTML = ${JSON.stringify(markup)};
      ${script}
    })()`);
  const morph = <T>(from: string, to: string, before: string, after: string) =>
    run<T>(
      'morph.js',
      from,
      `${before};
      it.morph(main, new DOMParser().parseFromString(${JSON.stringify(to)}, 'text/html').body);
      return ${after};`,
    );

  it.each([
    ['text', '<p>a</p>', '<p>b</p>'],
    ['attributes', '<p class="a" title="t">x</p>', '<p class="b" lang="en">x</p>'],
    ['another kind of element', '<p>a</p><b>c</b>', '<i>a</i><b>c</b>'],
    ['rows that come, go and change places', rows('a', 'b', 'c', 'd'), rows('d', 'x', 'b')],
    ['nothing', '<p>a</p> <p>b</p>', ''],
    ['something', '', '<p>a</p>text<p>b</p>'],
    ['keyed beside others', '<i></i><b id="k"></b><i></i>', '<b id="k"></b>text<u></u>'],
  ])('morphing makes one like the other: %s', async (_, from, to) => {
    expect(await morph(from, to, '', 'main.innerHTML')).toBe(to);
  });

  it('morphing keeps elements, and with them what a person is at', async () => {
    const [from, to] = [rows('a', 'b', 'c'), rows('c', 'a', 'b', 'n')];
    const before = `const button = main.querySelector('[data-key=b] button'); button.focus()`;
    expect(await morph(from, to, before, `document.activeElement === button && button.isConnected`)).toBe(
      true,
    );
  });

  it('morphing keeps what is typed, what was opened and what a script draws', async () => {
    const markup = (value: string) =>
      `<input value="${value}"><details><summary>s</summary>${value}</details><dialog>${value}</dialog>` +
      `<div data-keep>${value}</div><select><option>1</option><option>2</option></select>`;
    const kept = await morph<unknown>(
      markup('old'),
      markup('new'),
      `main.querySelector('input').value = 'mine';
       main.querySelector('details').open = true;
       main.querySelector('dialog').showModal();
       main.querySelector('[data-keep]').textContent = 'drawn';
       main.querySelector('select').value = '2'`,
      `[main.querySelector('input').value, main.querySelector('details').open, main.querySelector('details').lastChild.nodeValue,
        main.querySelector('dialog').open, main.querySelector('[data-keep]').textContent, main.querySelector('select').value]`,
    );
    expect(kept).toEqual(['mine', true, 'new', true, 'drawn', '2']);
  });

  it('morphing leaves a form that a person is in the middle of, with the state that it is of', async () => {
    const form = (tag: string) => `<form data-if-match="${tag}"><input value="${tag}"><p>${tag}</p></form>`;
    const kept = (before: string) => morph<string>(form('a'), form('b'), before, 'main.innerHTML');
    expect(await kept('')).toBe(form('b'));
    expect(await kept(`main.querySelector('input').value = 'mine'`)).toBe(form('a'));
  });

  it('a field that nobody touched takes the new value', async () => {
    expect(
      await morph('<input value="a">', '<input value="b">', '', `main.querySelector('input').value`),
    ).toBe('b');
  });

  it('forms are read as the API wants them', async () => {
    const read = await run(
      'form-data.js',
      `<form><input name="name" value=" x "><input name="dns.zone" value="z"><input name="tags" data-reads="list" value="a, b  c">
       <input name="count" data-reads="number" value="3"><input name="none" data-reads="number" value="">
       <input name="until" data-reads="date" value="2026-01-31"><input name="owner" data-reads="null" value=" ">
       <input type="checkbox" name="on" checked><input type="checkbox" name="off"><input name="not" value="x" disabled>
       <input type="checkbox" name="scopes" value="a" checked><input type="checkbox" name="scopes" value="b">
       <input type="radio" name="role" value="x"><input type="radio" name="role" value="y" checked></form>`,
      `return it.formData(main.querySelector('form'));`,
    );
    expect(read).toEqual({
      name: ' x ',
      dns: { zone: 'z' },
      tags: ['a', 'b', 'c'],
      count: 3,
      none: null,
      until: '2026-01-31T00:00:00.000Z',
      owner: null,
      on: true,
      off: false,
      scopes: ['a'],
      role: 'y',
    });
  });

  it('errors stand at the fields that they are about, and the rest above the buttons', async () => {
    const told = await run(
      'form-errors.js',
      `<form><div class="field"><input id="t" name="tags" aria-describedby="t-hint"><p id="t-hint">h</p></div>
       <div class="form-foot"></div></form>`,
      `const form = main.querySelector('form');
       const error = { message: '', errors: [{ path: 'tags.0', message: 'bad <b>tag' }, { path: 'x', message: 'odd' }] };
       it.showErrors(form, error);
       const input = main.querySelector('input');
       const shown = [main.querySelector('.field-error').textContent, main.querySelector('.form-error').textContent,
         input.getAttribute('aria-describedby'), document.activeElement === input];
       it.clearErrors(form);
       return [...shown, main.querySelectorAll('[class$=-error]').length, input.getAttribute('aria-describedby')];`,
    );
    expect(told).toEqual(['bad <b>tag', 'x: odd', 't-hint t-error', true, 0, 't-hint']);
  });

  it('a form whose state is old tells what changed of what it shows, and keeps what a person did', async () => {
    const told = await run<Record<string, unknown>>(
      'stale-form.js',
      `<form data-if-match='"old"'>
        <label for="n">Name</label><input id="n" name="name" value="ada">
        <label for="t">Tags <span>(optional)</span></label><input id="t" name="tags" data-reads="list" value="a, b">
        <label for="k">Expires</label><input id="k" type="date" name="key" data-reads="date" value="2026-01-31">
        <label for="r">Role</label><select id="r" name="role"><option value="x">X</option><option value="y">Y</option></select>
        <label for="d">Disabled</label><input id="d" type="checkbox" name="disabled">
        <label for="z">Zone</label><input id="z" name="dns.zone" value="warren"><div class="form-foot"></div></form>`,
      `const form = main.querySelector('form');
       const same = { name: 'ada', tags: ['a', 'b'], key: '2026-01-31T17:00:00.000Z', role: 'x', disabled: false, dns: { zone: 'warren' } };
       const real = window.fetch;
       const answer = (data, ETag) => {
         window.fetch = async () => new Response(JSON.stringify(data), { headers: { 'Content-Type': 'application/json', ETag } });
       };
       const value = (name) => form.elements.namedItem(name).value;
       form.elements.namedItem('name').value = 'mine';
       answer({ ...same, online: true }, '"other"');
       const untouched = await it.newerState(form, '/x');
       const quiet = main.querySelectorAll('.form-error').length;
       answer({ ...same, name: 'theirs', tags: ['<b>'], key: null, role: 'y', disabled: true }, '"new"');
       const told = await it.newerState(form, '/x');
       const text = main.querySelector('.form-error').textContent;
       const kept = [value('name'), value('tags'), value('role'), form.elements.namedItem('disabled').checked, form.dataset.ifMatch];
       answer({ ...same, name: 'theirs', tags: ['<b>'], key: null, role: 'y', disabled: true }, '"newer"');
       const again = await it.newerState(form, '/x');
       main.querySelector('.form-error button').click();
       window.fetch = real;
       return { untouched, quiet, told, text, kept, again, loaded: value('name'), left: main.querySelectorAll('.form-error').length };`,
    );
    expect(told).toEqual({
      untouched: '"other"',
      quiet: 0,
      told: null,
      text:
        'Somebody else changed this meanwhile, and nothing was saved: “Name” was “ada” and is “theirs” now; ' +
        '“Tags” was “a, b” and is “<b>” now; “Expires” was “2026-01-31” and is empty now; “Role” was “X” and is “Y” now; ' +
        '“Disabled” was off and is on now. Save again to replace that by what stands here. Show what is there now',
      kept: ['mine', '<b>', 'y', true, '"new"'],
      again: '"newer"',
      loaded: 'theirs',
      left: 0,
    });
  });

  it('a question is answered by its button alone, and where a word is wanted after that word', async () => {
    const ask = (options: string, deed: string) =>
      run<boolean>(
        'dialog.js',
        '',
        `const answer = it.confirmed({ title: 'T', text: 't', button: 'Do it', ${options} });
         const dialog = document.querySelector('[role=alertdialog]');
         const yes = dialog.querySelector('[value=yes]');
         ${deed};
         return answer;`,
      );
    expect(await ask('', 'yes.click()')).toBe(true);
    expect(await ask('', `document.activeElement.click()`)).toBe(false);
    expect(await ask('', `dialog.close()`)).toBe(false);
    const type = (word: string) =>
      `const field = dialog.querySelector('input'); field.value = '${word}'; field.dispatchEvent(new Event('input')); yes.click()`;
    expect(await ask(`typed: 'ada'`, `${type('ada')}`)).toBe(true);
    expect(await ask(`typed: 'ada'`, `${type('bob')}; dialog.close()`)).toBe(false);
  });

  it('the theme goes round, counts at once, and is remembered', async () => {
    const back = () => page.evaluate<string>('getComputedStyle(document.documentElement).backgroundColor');
    const click = () =>
      run(
        'theme.js',
        '<button data-theme-switch><span>Theme</span></button>',
        `main.querySelector('button').click();`,
      );
    await page.emulateMedia({ colorScheme: 'dark' });
    const dark = await back();
    await click();
    const light = await back();
    expect(light).not.toBe(dark);
    await page.reload();
    expect(await back()).toBe(light);
    await click();
    await page.emulateMedia({ colorScheme: 'light' });
    expect(await back()).toBe(dark);
    await click();
    expect(await back()).toBe(light);
  });

  it('no script failed', () => {
    expect(browser.problems).toEqual([]);
  });
});

function rows(...keys: string[]): string {
  return keys.map((key) => `<div data-key="${key}"><button>${key}</button></div>`).join('');
}
