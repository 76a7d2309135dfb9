import { html } from 'hono/html';
import type { NetworkSettings } from '../../network/settings.ts';
import type { NodeRecord } from '../../store/contract/nodes.ts';
import { grantButton, grantState } from './machine-grants.ts';
import { actionButton } from './parts/action-button.ts';
import { badge, presence } from './parts/badge.ts';
import type { Fragment } from './parts/fragment.ts';

/** Layer 2 segments and who is a part of them, and whether broadcasts go to everybody. */
export function segments(
  nodes: readonly NodeRecord[],
  settings: NetworkSettings,
  mayChange: boolean,
): Fragment {
  const parts = nodes
    .flatMap((node) =>
      [...new Set([...node.offeredSegments, ...node.approvedSegments])].map((segment) => ({ node, segment })),
    )
    .sort((a, b) => a.segment.localeCompare(b.segment) || a.node.name.localeCompare(b.node.name));
  return html`<section class="card flush" aria-labelledby="segments">
      <div class="card-head"><h2 id="segments">Layer 2 segments</h2></div>
      ${
        parts.length === 0
          ? html`<p class="note quiet">One Ethernet for machines at several sites. A machine asks for one with
              <code>--segment NAME</code>.</p>`
          : html`<div class="table-wrap"><table class="cards">
        <caption class="hidden">Layer 2 segments</caption>
        <thead><tr><th scope="col">Segment</th><th scope="col">Machine</th><th scope="col">State</th><th scope="col"><span class="hidden">Actions</span></th></tr></thead>
        <tbody>${parts.map(({ node, segment }) => {
          const approved = node.approvedSegments.includes(segment);
          const vni = settings.segments[segment];
          return html`<tr data-key="${segment} ${node.id}">
          <th scope="row">${segment} ${vni === undefined ? '' : html`<span class="quiet">VNI ${vni}</span>`}</th>
          <td data-label="Machine">${presence(node.online, html`<a href="/machines/${node.id}">${node.name}</a>`)}</td>
          <td data-label="State">${grantState({ offered: node.offeredSegments.includes(segment), approved })}</td>
          <td class="actions">${
            mayChange
              ? grantButton({
                  approved,
                  path: `/machines/${node.id}/segments/${encodeURIComponent(segment)}`,
                  name: `${node.name} in segment ${segment}`,
                })
              : ''
          }</td>
        </tr>`;
        })}</tbody>
      </table></div>`
      }
    </section>
    <section class="card" aria-labelledby="multicast">
      <div class="card-head">
        <h2 id="multicast">Broadcast and multicast ${settings.multicast ? badge('on', 'good') : badge('off')}</h2>
        ${mayChange ? multicastButton(settings.multicast) : ''}
      </div>
      <p class="quiet">Machines pass broadcasts and multicasts on to every peer that is connected: discovery by mDNS, old games, what
        else asks around. Off by default, since each one is sent as many times as there are peers.</p>
    </section>`;
}

function multicastButton(isOn: boolean): Fragment {
  return actionButton({
    label: isOn ? 'Switch off' : 'Switch on',
    of: 'broadcast and multicast',
    request: 'PATCH /settings',
    body: { multicast: !isOn },
    done: isOn ? 'Broadcasts stay where they are' : 'Broadcasts go to every peer',
  });
}
