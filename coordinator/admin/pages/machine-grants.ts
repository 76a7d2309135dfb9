import { html } from 'hono/html';
import type { NodeRecord } from '../../store/contract/nodes.ts';
import { actionButton } from './parts/action-button.ts';
import { badge } from './parts/badge.ts';
import type { Fragment } from './parts/fragment.ts';

interface Grant {
  what: Fragment;
  /** For screen readers, and in what is asked. */
  name: string;
  kind: string;
  offered: boolean;
  approved: boolean;
  path: string;
}

/** What a machine offers to the others or asks for, and what was granted of it. */
export function machineGrants(node: NodeRecord, mayChange: boolean): Fragment {
  const grants = grantsOf(node);
  return html`<section class="card flush" aria-labelledby="grants">
      <div class="card-head">
        <h2 id="grants">Routes, exit node, segments</h2>
      </div>
      ${
        grants.length === 0
          ? html`<p class="note quiet">This machine offers no routes and asks for no segments. Start its agent with
              <code>--advertise-routes CIDR</code>, <code>--advertise-exit-node</code> or <code>--segment NAME</code>
              to have them here.</p>`
          : html`<div class="table-wrap"><table class="cards">
        <caption class="hidden">What this machine offers</caption>
        <thead><tr><th scope="col">What</th><th scope="col">Kind</th><th scope="col">State</th><th scope="col"><span class="hidden">Actions</span></th></tr></thead>
        <tbody>${grants.map((grant) => row(grant, mayChange))}</tbody>
      </table></div>`
      }
    </section>`;
}

function grantsOf(node: NodeRecord): Grant[] {
  const path = `/machines/${node.id}`;
  const routes = [...new Set([...node.offers.routes, ...node.approvedRoutes])].sort();
  const segments = [...new Set([...node.offeredSegments, ...node.approvedSegments])].sort();
  const sites = new Map(node.offers.mappings?.map(({ prefix, sitePrefix }) => [prefix, sitePrefix]));
  return [
    ...routes.map((route) => ({
      what: sites.has(route)
        ? html`<code>${route}</code> <span class="quiet">for <code>${sites.get(route)}</code></span>`
        : html`<code>${route}</code>`,
      name: route,
      kind: sites.has(route) ? 'Mapped route' : 'Route',
      offered: node.offers.routes.includes(route),
      approved: node.approvedRoutes.includes(route),
      path: `${path}/routes/${encodeURIComponent(route)}`,
    })),
    ...(node.offers.exitNode || node.exitNodeApproved
      ? [
          {
            what: html`All other addresses`,
            name: 'exit node',
            kind: 'Exit node',
            offered: node.offers.exitNode,
            approved: node.exitNodeApproved,
            path: `${path}/exit-node`,
          },
        ]
      : []),
    ...segments.map((segment) => ({
      what: html`${segment}`,
      name: `segment ${segment}`,
      kind: 'Layer 2 segment',
      offered: node.offeredSegments.includes(segment),
      approved: node.approvedSegments.includes(segment),
      path: `${path}/segments/${encodeURIComponent(segment)}`,
    })),
  ];
}

function row(grant: Grant, mayChange: boolean): Fragment {
  return html`<tr data-key="${grant.kind} ${grant.name}">
      <th scope="row">${grant.what}</th>
      <td data-label="Kind">${grant.kind}</td>
      <td data-label="State">${grantState(grant)}</td>
      <td class="actions">${mayChange ? grantButton(grant) : ''}</td>
    </tr>`;
}

/** Whether something counts: it has to be offered and approved. */
export function grantState({ offered, approved }: { offered: boolean; approved: boolean }): Fragment {
  if (!approved) return badge('waits for approval', 'warn');
  return offered ? badge('approved', 'good') : badge('approved, not offered now', 'neutral');
}

/** Approve, or take back. */
export function grantButton({ approved, path, name }: Pick<Grant, 'approved' | 'path' | 'name'>): Fragment {
  if (!approved) {
    return actionButton({
      label: 'Approve',
      of: name,
      request: `PUT ${path}`,
      tone: 'primary',
      small: true,
      done: `Approved: ${name}`,
    });
  }
  return actionButton({
    label: 'Take back',
    of: name,
    request: `DELETE ${path}`,
    small: true,
    confirm: {
      title: `Take back the approval of ${name}?`,
      text: 'Machines stop using it at once. You can approve it again.',
      button: 'Take back',
      safe: true,
    },
    done: `Taken back: ${name}`,
  });
}
