import { html } from 'hono/html';
import type { NodeRecord } from '../../store/contract/nodes.ts';
import { machinePresence, ownership, standingBadges } from './machine-badges.ts';
import {
  type MachinePage,
  type MachineQuery,
  PAGE_SIZE,
  pendingDecisions,
  queryString,
} from './machine-list.ts';
import { badge } from './parts/badge.ts';
import { emptyState } from './parts/empty-state.ts';
import type { Fragment } from './parts/fragment.ts';
import { relativeTime } from './parts/time.ts';

const COLUMNS: readonly { label: string; sort?: MachineQuery['sort'] }[] = [
  { label: 'Name', sort: 'name' },
  { label: 'Addresses', sort: 'addresses' },
  { label: 'Seen', sort: 'seen' },
  { label: 'Paths' },
  { label: 'Routes' },
  { label: 'System', sort: 'system' },
  { label: 'Key expires', sort: 'expiry' },
];

/** `paths`: how the machine of an id reaches its peers, in words. */
export function machineTable(
  page: MachinePage,
  paths: (id: string) => readonly string[],
  now: number,
): Fragment {
  if (page.matching === 0) {
    return emptyState({
      icon: 'search',
      title: 'No machine is like that',
      text: html`<a href="/" data-filter-link>Show all machines</a>`,
    });
  }
  const { query } = page;
  return html`<div class="table-wrap">
      <table class="cards">
        <caption class="hidden">Machines, ${page.matching} in all</caption>
        <thead>
          <tr>${COLUMNS.map(({ label, sort }) => heading(label, sort, query))}</tr>
        </thead>
        <tbody>${page.machines.map((node) => row(node, paths(node.id), now))}</tbody>
      </table>
    </div>
    ${pager(page)}`;
}

function heading(label: string, sort: MachineQuery['sort'] | undefined, query: MachineQuery): Fragment {
  if (sort === undefined) return html`<th scope="col">${label}</th>`;
  const isCurrent = query.sort === sort;
  const href = `/${queryString(query, { sort, descending: isCurrent && !query.descending, page: 1 })}`;
  const link = html`<a href="${href}" data-filter-link>${label}</a>`;
  if (!isCurrent) return html`<th scope="col">${link}</th>`;
  return html`<th scope="col" aria-sort="${query.descending ? 'descending' : 'ascending'}">${link}</th>`;
}

function row(node: NodeRecord, paths: readonly string[], now: number): Fragment {
  const pending = pendingDecisions(node).filter((what) => what !== 'membership');
  const routes = node.offers.routes.filter((route) => node.approvedRoutes.includes(route));
  return html`<tr data-key="${node.id}">
      <th scope="row">
        <a class="row-name" href="/machines/${node.id}">${node.name}</a>
        <div class="badges">${ownership(node)}${standingBadges(node, now)}</div>
      </th>
      <td data-label="Addresses" class="lines nowrap"><code>${node.address4}</code> <code class="quiet">${node.address6}</code></td>
      <td data-label="Seen" class="nowrap">${machinePresence(node, now)}</td>
      <td data-label="Paths" class="${paths.length === 0 ? 'blank' : 'lines nowrap'}">${paths.map((words) => html`<span>${words}</span>`)}</td>
      <td data-label="Routes"${routes.length + pending.length === 0 && !node.exitNodeApproved ? html` class="blank"` : ''}>
        <div class="lines">${routes.slice(0, 3).map((route) => html`<code>${route}</code>`)}</div>
        ${routes.length > 3 ? html`<span class="quiet">and ${routes.length - 3} more</span>` : ''}
        <div class="badges">${node.offers.exitNode && node.exitNodeApproved ? badge('exit node', 'info') : ''}${
          pending.length === 0 ? '' : badge(`${pending.join(', ')} to approve`, 'warn')
        }</div>
      </td>
      <td data-label="System">${node.operatingSystem} <span class="quiet nowrap">${node.agentVersion}</span></td>
      <td data-label="Key expires" class="nowrap">${relativeTime(node.keyExpiresAt, now)}</td>
    </tr>`;
}

function pager({ query, machines, matching, pages }: MachinePage): Fragment {
  if (pages === 1) return html``;
  const first = (query.page - 1) * PAGE_SIZE + 1;
  const link = (page: number, label: string) =>
    html`<a class="button small" href="/${queryString(query, { page })}" data-filter-link>${label}</a>`;
  return html`<nav class="pager" aria-label="Pages">
      <span class="quiet">${first}–${first + machines.length - 1} of ${matching}</span>
      <span class="cluster">
        ${query.page > 1 ? link(query.page - 1, 'Previous') : ''}
        <span class="quiet">Page ${query.page} of ${pages}</span>
        ${query.page < pages ? link(query.page + 1, 'Next') : ''}
      </span>
    </nav>`;
}
