import { html } from 'hono/html';
import type { AuditRecord } from '../../store/contract/audit.ts';
import { badge } from './parts/badge.ts';
import type { Fragment } from './parts/fragment.ts';
import { relativeTime } from './parts/time.ts';

/** What was done to a machine lately, and by whom. */
export function machineAudit(entries: readonly AuditRecord[], now: number): Fragment {
  return html`<section class="card flush" aria-labelledby="changes">
      <div class="card-head"><h2 id="changes">Latest changes</h2></div>
      ${
        entries.length === 0
          ? html`<p class="note quiet">Nothing in the audit log.</p>`
          : html`<div class="table-wrap"><table class="cards">
        <caption class="hidden">Latest entries of the audit log about this machine</caption>
        <thead><tr><th scope="col">When</th><th scope="col">What</th><th scope="col">Who</th><th scope="col">Details</th></tr></thead>
        <tbody>${entries.map(
          (entry) => html`<tr data-key="${entry.id}">
          <td data-label="When" class="nowrap">${relativeTime(entry.at, now)}</td>
          <td data-label="What" class="nowrap"><code>${entry.action}</code> ${entry.result === 'ok' ? '' : badge(entry.result, 'bad')}</td>
          <td data-label="Who">${entry.actor.startsWith('key:') ? 'the machine itself' : entry.actor}</td>
          <td data-label="Details" class="small-text breaks wide">${entry.detail || '–'}</td>
        </tr>`,
        )}</tbody>
      </table></div>`
      }
    </section>`;
}
