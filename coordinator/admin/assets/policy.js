// The editor of the policy: checked by the coordinator while somebody types, compared before it is saved.
import { ApiError, api } from './api.js';
import { confirmed } from './dialog.js';
import { policyDifference, policyEditor } from './policy-editor.js';
import { toast } from './toast.js';

/** After the last key, milliseconds. */
const PAUSE = 350;

const find = (id) => document.getElementById(id);
const place = find('policy-editor');
const mayChange = !('readOnly' in place.dataset);
let { text: saved, version, etag } = await read();
let timer;
let checks = 0;

const editor = policyEditor(place, {
  text: saved,
  readOnly: !mayChange,
  label: 'The policy',
  onChange: () => {
    showButtons(false);
    clearTimeout(timer);
    timer = setTimeout(check, PAUSE);
  },
});

/** The policy that counts, or one to begin with, whose version is 0. */
async function read() {
  const { data, etag } = await api('GET', '/policy');
  const { policy } = data;
  return policy
    ? { text: policy.document, version: policy.version, etag }
    : { text: find('policy-first').value, version: 0, etag };
}

const isChanged = () => editor.text() !== saved || version === 0;

/** What the coordinator says of the text, and whether it may be saved. */
async function check() {
  const run = ++checks;
  let verdict;
  try {
    verdict = (await api('POST', '/policy/check', { document: editor.text() })).data;
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (run === checks) say('bad', error.message, []);
    return;
  }
  if (run !== checks) return;
  const problems = [
    ...verdict.problems.map((problem) => ({ ...problem, severity: 'error' })),
    ...verdict.warnings.map((problem) => ({ ...problem, severity: 'warning' })),
  ];
  editor.mark(problems);
  const good = verdict.problems.length === 0;
  const count = (number, word) => `${number} ${word}${number === 1 ? '' : 's'}`;
  if (good) {
    const held = verdict.tests === 0 ? 'there are no tests' : `${count(verdict.tests, 'test')} passed`;
    say('good', `In order: ${count(verdict.rules, 'rule')}, ${held}.`, problems);
  } else say('bad', `${count(verdict.problems.length, 'mistake')}: nothing can be saved yet.`, problems);
  showButtons(good);
}

function say(tone, summary, problems) {
  const verdict = find('policy-verdict');
  verdict.replaceChildren();
  const head = document.createElement('p');
  head.className = `banner ${tone}`;
  head.textContent = summary;
  verdict.append(head);
  if (problems.length === 0) return;
  const list = document.createElement('ul');
  list.className = 'policy-problems';
  for (const { line, column, message, severity } of problems) {
    const item = document.createElement('li');
    const go = document.createElement('button');
    go.type = 'button';
    go.className = 'small';
    go.textContent = `Line ${line}, column ${column}`;
    go.addEventListener('click', () => editor.goTo(line, column));
    item.append(go, ` ${severity === 'warning' ? 'Warning: ' : ''}${message}`);
    list.append(item);
  }
  verdict.append(list);
}

function showButtons(isGood) {
  if (!mayChange) return;
  find('policy-review').disabled = !(isGood && isChanged());
  find('policy-discard').disabled = editor.text() === saved;
}

if (mayChange) {
  find('policy-review').addEventListener('click', () => {
    const before = version === 0 ? '' : saved;
    find('policy-error').hidden = true;
    find('policy-changes').showModal();
    policyDifference(find('policy-difference'), { before, after: editor.text(), label: 'What changes' });
  });
  find('policy-discard').addEventListener('click', async () => {
    const question = {
      title: 'Discard the changes?',
      text: 'What you wrote here is lost.',
      button: 'Discard',
    };
    if (await confirmed(question)) editor.setText(saved);
  });
  find('policy-save').addEventListener('click', save);
}

async function save() {
  const document = editor.text();
  const button = find('policy-save');
  button.setAttribute('aria-busy', 'true');
  try {
    const { data } = await api('PUT', '/policy', { document }, { ifMatch: etag });
    // What somebody typed meanwhile stays, and is a change of what was saved.
    ({ text: saved, version, etag } = await read());
    find('policy-changes').close();
    toast(`Version ${data.policy.version} is in force.`);
    showButtons(true);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    const note = find('policy-error');
    note.textContent = [error.message, ...error.errors.map(({ message }) => message)].join(' ');
    note.hidden = false;
  } finally {
    button.removeAttribute('aria-busy');
  }
}

// Somebody else saved one: what is edited here is about another.
document.addEventListener('warren:refreshed', () => {
  const newest = Number(find('policy-state').querySelector('[data-version]')?.dataset.version ?? version);
  if (newest <= version || find('policy-changes')?.open || find('policy-stale')) return;
  const note = document.createElement('p');
  note.id = 'policy-stale';
  note.className = 'banner warn';
  note.setAttribute('role', 'alert');
  note.append('The policy was changed by somebody else meanwhile. ');
  const link = document.createElement('a');
  link.href = '/policy';
  link.textContent = 'Load it';
  note.append(link, ' (what you wrote here is lost).');
  place.before(note);
});

addEventListener('beforeunload', (event) => {
  if (mayChange && editor.text() !== saved) event.preventDefault();
});

await check();
const [, line] = /^#line=(\d{1,7})$/.exec(location.hash) ?? [];
if (line) editor.goTo(Number(line), 1);
