// Who can reach what, as a question and as a matrix.
import { ApiError, api } from './api.js';
import { formData } from './form-data.js';
import { clearErrors, showErrors } from './form-errors.js';
import { onEvent } from './live.js';

const find = (id) => document.getElementById(id);

function element(name, { text, className, ...attributes } = {}, ...children) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

find('policy-question').addEventListener('submit', async (event) => {
  event.preventDefault();
  const form = event.target;
  clearErrors(form);
  const place = find('policy-answer');
  const { source, destination, service } = formData(form);
  try {
    const { data } = await api('POST', '/policy/explain', { source, destination, service });
    const verdict = `${source} ${data.allowed ? 'reaches' : 'does not reach'} ${destination} by ${service}.`;
    place.replaceChildren(
      element('p', { className: `banner ${data.allowed ? 'good' : 'bad'}`, text: verdict }),
      element('ul', {}, ...data.why.map((text) => element('li', { text }))),
      ...(data.rule ? [ruleLink(data.rule)] : []),
    );
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    place.replaceChildren();
    showErrors(form, error);
  }
});

function ruleLink({ id, line }) {
  return element('a', { href: `/policy#line=${line}`, text: `Show ${id} in the document` });
}

let shown = 0;

async function showMatrix() {
  const form = find('policy-matrix-form');
  const place = find('policy-matrix');
  const service = find('matrix-service').value.trim();
  const run = ++shown;
  clearErrors(form);
  try {
    const query = service === '' ? '' : `?service=${encodeURIComponent(service)}`;
    const { data } = await api('GET', `/policy/matrix${query}`);
    if (run === shown) place.replaceChildren(...matrix(data));
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (run !== shown) return;
    place.replaceChildren(element('p', { className: 'banner bad', text: error.message }));
  }
}

function nameOf({ machines, count }) {
  const names = machines.slice(0, 3).map(({ name }) => name);
  return count > names.length ? `${names.join(', ')} and ${count - names.length} more` : names.join(', ');
}

function matrix({ groups, cells, omitted }) {
  if (groups.length === 0) return [element('p', { className: 'quiet', text: 'No machine has joined yet.' })];
  const head = element('tr', {}, element('td'), ...groups.map((group, index) => columnHead(group, index)));
  const rows = groups.map((group, index) =>
    element(
      'tr',
      {},
      rowHead(group, index),
      ...cells[index].map((rule, to) => cell(group, groups[to], rule)),
    ),
  );
  const table = element(
    'table',
    { className: 'matrix' },
    element('caption', { className: 'hidden', text: 'Who may open flows to whom' }),
    element('thead', {}, head),
    element('tbody', {}, ...rows),
  );
  const wrap = element(
    'div',
    { className: 'table-wrap', tabindex: '0', role: 'region', 'aria-label': 'The matrix' },
    table,
  );
  return omitted === 0
    ? [wrap]
    : [wrap, element('p', { className: 'quiet', text: `${omitted} smaller groups are left out.` })];
}

function columnHead(group, index) {
  return element(
    'th',
    { scope: 'col', title: nameOf(group) },
    element('span', { text: String(index + 1), 'aria-hidden': 'true' }),
    element('span', { className: 'hidden', text: nameOf(group) }),
  );
}

function rowHead(group, index) {
  const tags = group.tags.map((tag) => element('span', { className: 'badge', text: tag }));
  const whose = [group.owner, group.role].filter(Boolean).join(', ');
  const owner = whose === '' ? [] : [element('span', { className: 'quiet small-text', text: whose })];
  return element(
    'th',
    { scope: 'row' },
    element('span', { className: 'quiet', text: `${index + 1} `, 'aria-hidden': 'true' }),
    element('span', { text: nameOf(group), title: group.machines.map(({ name }) => name).join(', ') }),
    ' ',
    ...tags,
    ...owner,
  );
}

function cell(from, to, rule) {
  const words = rule ? `yes, by ${rule.id}` : 'no';
  const button = element('button', {
    type: 'button',
    className: rule ? 'yes' : 'no',
    text: rule ? '✓' : '·',
    'aria-label': `${nameOf(from)} to ${nameOf(to)}: ${words}`,
  });
  button.addEventListener('click', () => {
    const place = find('policy-cell');
    const sentence = rule
      ? `${nameOf(from)} may open flows to ${nameOf(to)}: `
      : `No rule lets ${nameOf(from)} open flows to ${nameOf(to)}.`;
    place.replaceChildren(
      sentence,
      ...(rule && rule.line > 0 ? [ruleLink(rule)] : rule ? [`${rule.id}.`] : []),
    );
  });
  return element('td', {}, button);
}

find('policy-matrix-form').addEventListener('submit', (event) => {
  event.preventDefault();
  void showMatrix();
});
onEvent('changed', showMatrix);
await showMatrix();
