import { html } from 'hono/html';
import { overlapWords } from '../../network/route-overlaps.ts';
import type { RouteRow } from '../../network/route-table.ts';
import type { CarrierUses } from '../../telemetry/carrier-uses.ts';
import { grantButton, grantState } from './machine-grants.ts';
import { actionButton } from './parts/action-button.ts';
import { badge, presence } from './parts/badge.ts';
import type { Fragment } from './parts/fragment.ts';
import { icon } from './parts/icon.ts';
import { usedBy } from './used-by.ts';

/** Rows of one page; the search finds the others. */
const SHOWN = 200;

/** Networks behind machines: who carries them, and what stands against them. */
export function subnetRoutes(
  rows: readonly RouteRow[],
  uses: CarrierUses,
  isSearched: boolean,
  mayChange: boolean,
): Fragment {
  return html`<section class="card flush" aria-labelledby="subnets">
      <div class="card-head"><h2 id="subnets">Subnets</h2></div>
      ${
        rows.length === 0
          ? isSearched
            ? html`<p class="note quiet">No route is like that.</p>`
            : html`<p class="note quiet">No machine offers a network. Start an agent with <code>--advertise-routes 192.168.10.0/24</code>, and it appears here to be approved.</p>`
          : html`<div class="table-wrap"><table class="cards">
        <caption class="hidden">Subnet routes</caption>
        <thead>
          <tr><th scope="col">Network</th><th scope="col">Router</th><th scope="col">State</th><th scope="col">In use</th>
            <th scope="col"><span class="hidden">Actions</span></th></tr>
        </thead>
        <tbody>${rows.slice(0, SHOWN).map((row) => tableRow(row, uses, mayChange))}</tbody>
      </table></div>
      ${rows.length > SHOWN ? html`<p class="note quiet">and ${rows.length - SHOWN} more: search for them</p>` : ''}`
      }
    </section>`;
}

function tableRow(row: RouteRow, uses: CarrierUses, mayChange: boolean): Fragment {
  return html`<tr data-key="${row.route} ${row.nodeId}">
      <th scope="row"><code>${row.route}</code>${
        row.sitePrefix === null
          ? ''
          : html`<br><span class="quiet">stands for <code>${row.sitePrefix}</code> at its site</span>`
      }${row.overlaps.map(
        (overlap) =>
          html`<br><span class="warning small-text">${icon('warning')} ${overlapWords(overlap)}</span>`,
      )}</th>
      <td data-label="Router">${presence(row.online, html`<a href="/machines/${row.nodeId}">${row.node}</a>`)}</td>
      <td data-label="State">${grantState(row)}${row.preferred ? html` ${badge('preferred', 'info')}` : ''}</td>
      <td data-label="In use">${use(row)}${
        row.approved && row.offered ? usedBy(uses.ofRoute(row.nodeId, row.route)) : ''
      }</td>
      <td class="actions">${mayChange ? buttons(row) : ''}</td>
    </tr>`;
}

function buttons(row: RouteRow): Fragment {
  const path = `/machines/${row.nodeId}/routes/${encodeURIComponent(row.route)}`;
  const name = `${row.route} at ${row.node}`;
  return html`${preferenceButton(row, path, name)} ${grantButton({ approved: row.approved, path, name })}`;
}

/** Where there is a choice. A preference can be taken back even if the others have gone since. */
function preferenceButton(
  { approved, offered, preferred, alternatives }: RouteRow,
  path: string,
  name: string,
): Fragment | '' {
  if (preferred) {
    return actionButton({
      label: 'No longer prefer',
      of: name,
      request: `DELETE ${path}/preferred`,
      small: true,
      done: `No longer preferred: ${name}`,
    });
  }
  if (!approved || !offered || alternatives.length === 0) return '';
  return actionButton({
    label: 'Prefer',
    of: name,
    request: `PUT ${path}/preferred`,
    small: true,
    done: `Preferred: ${name}`,
  });
}

/** Each machine takes the router that is preferred, or that it has the better path to; another takes over within seconds. */
function use({ approved, offered, online, preferred, alternatives, standsInFor }: RouteRow): Fragment {
  if (!approved || !offered) return html`<span class="quiet">no</span>`;
  const others = alternatives.join(', ');
  if (online && others === '') return html`yes`;
  if (online && preferred) return html`yes, before ${others}`;
  if (online && standsInFor !== null)
    return html`<span class="quiet">stands in for ${standsInFor}, which is preferred</span>`;
  if (online) return html`yes; so does ${others}, and the better path counts`;
  return others === ''
    ? html`<span class="warning">no: it is away</span>`
    : html`<span class="quiet">away; ${others} stands in</span>`;
}
