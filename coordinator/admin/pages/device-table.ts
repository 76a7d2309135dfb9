import { html } from 'hono/html';
import type { KnownDevice } from '../../devices.ts';
import { ownership, standingBadges } from './machine-badges.ts';
import { badge } from './parts/badge.ts';
import { emptyState } from './parts/empty-state.ts';
import type { Fragment } from './parts/fragment.ts';
import { relativeTime } from './parts/time.ts';

/** All devices, and whether the file that each has is still good. */
export function deviceTable(devices: readonly KnownDevice[], mayChange: boolean, now: number): Fragment {
  if (devices.length === 0) {
    return emptyState({
      icon: 'devices',
      title: 'No device is a member yet',
      text: html`<p>A device runs a stock WireGuard client and no agent. ${
        mayChange ? 'Name it above, and put the file that is shown on it.' : 'An administrator can add one.'
      }</p>`,
    });
  }
  return html`<div class="table-wrap"><table class="cards">
      <caption class="hidden">Devices, ${devices.length} in all</caption>
      <thead>
        <tr>
          <th scope="col">Name</th><th scope="col">Addresses</th><th scope="col">Gateway</th><th scope="col">File</th>
          <th scope="col">Handed out</th><th scope="col">Expires</th>
        </tr>
      </thead>
      <tbody>${devices.map((device) => row(device, now))}</tbody>
    </table></div>`;
}

function row({ node, outOfDate }: KnownDevice, now: number): Fragment {
  return html`<tr data-key="${node.id}">
      <th scope="row">
        <a class="row-name" href="/devices/${node.id}">${node.name}</a>
        <div class="badges">${ownership(node)}${standingBadges(node, now)}</div>
      </th>
      <td data-label="Addresses" class="lines nowrap"><code>${node.address4}</code> <code class="quiet">${node.address6}</code></td>
      <td data-label="Gateway">${node.device?.file.peers[0]?.name ?? '–'}</td>
      <td data-label="File">${fileBadge(outOfDate)}${outOfDate.slice(0, 1).map((why) => html`<br><span class="quiet">${why}</span>`)}</td>
      <td data-label="Handed out" class="nowrap">${relativeTime(node.device?.handedOutAt ?? 0, now)}</td>
      <td data-label="Expires" class="nowrap">${relativeTime(node.keyExpiresAt, now)}</td>
    </tr>`;
}

/** Whether a file is the one that the device should have. */
export function fileBadge(outOfDate: readonly string[]): Fragment {
  return outOfDate.length === 0 ? badge('good', 'good') : badge('out of date', 'warn');
}
