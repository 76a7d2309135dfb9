import { html } from 'hono/html';
import type { NodeRecord } from '../../store/contract/nodes.ts';
import type { CarrierUses } from '../../telemetry/carrier-uses.ts';
import { grantButton, grantState } from './machine-grants.ts';
import { presence } from './parts/badge.ts';
import type { Fragment } from './parts/fragment.ts';
import { usedBy } from './used-by.ts';

/** Machines that offer to carry others to the Internet. */
export function exitNodes(nodes: readonly NodeRecord[], uses: CarrierUses, mayChange: boolean): Fragment {
  const exits = nodes
    .filter((node) => node.offers.exitNode || node.exitNodeApproved)
    .sort((a, b) => a.name.localeCompare(b.name));
  return html`<section class="card flush" aria-labelledby="exit-nodes">
      <div class="card-head"><h2 id="exit-nodes">Exit nodes</h2></div>
      ${
        exits.length === 0
          ? html`<p class="note quiet">No machine offers a way to the Internet. Start an agent with <code>--advertise-exit-node</code>. Others choose it with <code>--exit-node NAME</code>.</p>`
          : html`<div class="table-wrap"><table class="cards">
        <caption class="hidden">Exit nodes</caption>
        <thead><tr><th scope="col">Machine</th><th scope="col">State</th><th scope="col">To use it</th><th scope="col"><span class="hidden">Actions</span></th></tr></thead>
        <tbody>${exits.map((node) => {
          const state = { offered: node.offers.exitNode, approved: node.exitNodeApproved };
          return html`<tr data-key="${node.id}">
          <th scope="row">${presence(node.online, html`<a href="/machines/${node.id}">${node.name}</a>`)}</th>
          <td data-label="State">${grantState(state)}${
            state.offered && state.approved ? usedBy(uses.ofExit(node.id)) : ''
          }</td>
          <td data-label="To use it">${state.offered && state.approved ? html`<code>--exit-node ${node.name}</code>` : html`<span class="quiet">–</span>`}</td>
          <td class="actions">${
            mayChange
              ? grantButton({
                  approved: state.approved,
                  path: `/machines/${node.id}/exit-node`,
                  name: `${node.name} as exit node`,
                })
              : ''
          }</td>
        </tr>`;
        })}</tbody>
      </table></div>`
      }
    </section>`;
}
