import { html } from 'hono/html';
import type { AuditFilter, AuditRecord } from '../../store/contract/audit.ts';
import type { Actor } from '../actor.ts';
import { layout } from './layout.ts';
import { badge } from './parts/badge.ts';
import { emptyState } from './parts/empty-state.ts';
import type { Fragment } from './parts/fragment.ts';
import { pageHead } from './parts/page-head.ts';
import { exactTime } from './parts/time.ts';

/** As many rows on a page. */
export const AUDIT_PAGE = 50;

/** The parameters of the page's address, as a person may write them; what cannot be read counts as absent. */
export interface AuditQuery {
  actor: string;
  action: string;
  target: string;
  result: string;
  /** Days, `2026-01-31`, both inclusive, UTC. */
  since: string;
  until: string;
  /** Rows older than that id. */
  before: string;
}

const DAY = 24 * 60 * 60 * 1000;
const RESULTS = ['ok', 'refused', 'failed'] as const;

/** What the store is asked for. */
export function auditFilter(query: AuditQuery): AuditFilter & { before?: number } {
  const since = dayOf(query.since);
  const until = dayOf(query.until);
  const result = RESULTS.find((one) => one === query.result);
  return {
    ...(query.actor === '' ? {} : { actor: query.actor }),
    ...(query.action === '' ? {} : { action: query.action }),
    ...(query.target === '' ? {} : { target: query.target }),
    ...(result === undefined ? {} : { result }),
    ...(since === null ? {} : { since }),
    ...(until === null ? {} : { until: until + DAY }),
    ...(/^[1-9]\d{0,14}$/.test(query.before) ? { before: Number(query.before) } : {}),
  };
}

function dayOf(text: string): number | null {
  const at = /^\d{4}-\d{2}-\d{2}$/.test(text) ? Date.parse(`${text}T00:00:00Z`) : Number.NaN;
  return Number.isNaN(at) ? null : at;
}

/** Every change and every refusal, the newest first. `rows`: at most one more than a page holds. */
export function auditPage(actor: Actor, query: AuditQuery, rows: readonly AuditRecord[]): Fragment {
  return layout({
    title: 'Audit',
    actor,
    section: '/audit',
    body: html`${pageHead({
      title: 'Audit',
      about: 'Every change and every refused attempt: who, what, from where, before and after.',
      actions: html`<a class="button" href="${exportOf('csv', query)}" download>Export as CSV</a>
        <a class="button" href="${exportOf('json', query)}" download>Export as JSON</a>`,
    })}
      ${filterForm(query)}
      <div id="audit"${
        query.before === '' ? html` data-live="${addressOf('/audit/rows', query)}"` : ''
      }>${auditRows(query, rows)}</div>
      ${query.before === '' ? '' : html`<p><a href="${addressOf('/audit', { ...query, before: '' })}">Back to the newest</a></p>`}`,
  });
}

/** The part that follows changes. */
export function auditRows(query: AuditQuery, rows: readonly AuditRecord[]): Fragment {
  const shown = rows.slice(0, AUDIT_PAGE);
  const last = shown.at(-1);
  if (last === undefined) {
    const isFiltered = addressOf('', query) !== '';
    return emptyState({
      icon: 'audit',
      title: isFiltered ? 'Nothing fits' : 'Nothing happened yet',
      text: isFiltered
        ? html`No row of the log fits these filters. <a href="/audit">Show all</a>`
        : 'Changes appear here as they are made, whoever makes them.',
    });
  }
  return html`<div class="card flush"><div class="table-wrap"><table class="cards">
      <thead><tr><th scope="col">Time</th><th scope="col">Who</th><th scope="col">What</th><th scope="col">Of what</th>
        <th scope="col">Result</th><th scope="col">Details</th></tr></thead>
      <tbody>${shown.map(auditRow)}</tbody>
    </table></div></div>
    ${
      rows.length > AUDIT_PAGE
        ? html`<nav class="pager" aria-label="Pages"><a href="${addressOf('/audit', { ...query, before: String(last.id) })}">Older</a></nav>`
        : ''
    }`;
}

function auditRow(row: AuditRecord): Fragment {
  const has = (value: unknown) => value !== null && value !== undefined;
  return html`<tr data-key="audit-${row.id}">
      <td data-label="Time" class="nowrap">${exactTime(row.at)}</td>
      <td data-label="Who" class="breaks">${row.actor}<br><span class="quiet small-text">${row.source}</span></td>
      <td data-label="What" class="nowrap"><code>${row.action}</code></td>
      <td data-label="Of what" class="breaks">${row.target}</td>
      <td data-label="Result">${badge(row.result, row.result === 'ok' ? 'good' : 'bad')}</td>
      <td data-label="Details" class="breaks wide">${row.detail}${
        has(row.before) || has(row.after)
          ? html`<details><summary>Before and after</summary><dl class="values">
          <dt>Before</dt><dd><code class="wrap">${valueText(row.before)}</code></dd>
          <dt>After</dt><dd><code class="wrap">${valueText(row.after)}</code></dd>
        </dl></details>`
          : ''
      }</td>
    </tr>`;
}

function valueText(value: unknown): string {
  return value === null || value === undefined ? 'nothing' : JSON.stringify(value);
}

function filterForm(query: AuditQuery): Fragment {
  const field = (name: 'actor' | 'action' | 'target', label: string, example: string) =>
    html`<div class="field"><label for="audit-${name}">${label}</label>
      <input id="audit-${name}" name="${name}" value="${query[name]}" placeholder="${example}" autocapitalize="none" spellcheck="false"></div>`;
  const day = (name: 'since' | 'until', label: string) =>
    html`<div class="field"><label for="audit-${name}">${label}</label>
      <input type="date" id="audit-${name}" name="${name}" value="${query[name]}"></div>`;
  return html`<form class="field-row filters" method="get" action="/audit">
      ${field('actor', 'Who', 'admin:ada')}
      ${field('action', 'What', 'node.rename')}
      ${field('target', 'Of what', 'part of a name')}
      <div class="field"><label for="audit-result">Result</label><select id="audit-result" name="result">
        <option value="">all</option>${RESULTS.map(
          (result) => html`<option${result === query.result ? html` selected` : ''}>${result}</option>`,
        )}</select></div>
      ${day('since', 'From')}
      ${day('until', 'To')}
      <div class="cluster"><button type="submit">Filter</button>
        <a class="button quiet-button" href="/audit">Show all</a></div>
    </form>`;
}

function exportOf(format: 'csv' | 'json', query: AuditQuery): string {
  const { since, until, before: _before, ...rest } = auditFilter(query);
  const wanted = new URLSearchParams({ format, ...(rest as Record<string, string>) });
  if (since !== undefined) wanted.set('since', new Date(since).toISOString());
  if (until !== undefined) wanted.set('until', new Date(until).toISOString());
  return `/api/v1/audit/export?${wanted}`;
}

/** The path with those parameters that say something. */
function addressOf(path: string, query: AuditQuery): string {
  const wanted = new URLSearchParams(Object.entries(query).filter(([, value]) => value !== ''));
  return wanted.size === 0 ? path : `${path}?${wanted}`;
}
