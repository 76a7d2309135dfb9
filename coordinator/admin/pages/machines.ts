import { html } from 'hono/html';
import type { NodeRecord } from '../../store/store.ts';
import type { Actor } from '../actor.ts';
import { layout } from './layout.ts';
import type { Fragment } from './parts/fragment.ts';

/** All machines of the network, sorted by name. */
export function machinesPage(actor: Actor, nodes: readonly NodeRecord[], now: number): Fragment {
  return layout({
    title: 'Machines',
    actor,
    section: '/',
    body: html`<h1>Machines</h1>
      <div id="machines" data-live="/machines/table">${machinesTable(nodes, now)}</div>`,
  });
}

/** The part that is replaced when something changed. */
export function machinesTable(nodes: readonly NodeRecord[], now: number): Fragment {
  if (nodes.length === 0) {
    return html`<div class="card">
      <p>No machine has joined yet. Make a token on the coordinator's machine:</p>
      <pre><code>bin/coordinator token create --data DIR</code></pre>
      <p>and use it on the machine that is to join:</p>
      <pre><code>bin/agent join TOKEN</code></pre>
    </div>`;
  }
  const sorted = [...nodes].sort((a, b) => a.name.localeCompare(b.name));
  return html`<p class="summary">${sorted.length} machines, ${sorted.filter((node) => node.online).length} connected</p>
    <div class="scroll">
      <table>
        <thead>
          <tr>
            <th scope="col">Name</th><th scope="col">Addresses</th><th scope="col">State</th>
            <th scope="col">Endpoints</th><th scope="col">Routes</th><th scope="col">System</th>
            <th scope="col">Key expires</th>
          </tr>
        </thead>
        <tbody>${sorted.map((node) => machineRow(node, now))}</tbody>
      </table>
    </div>`;
}

function machineRow(node: NodeRecord, now: number): Fragment {
  const pending = node.offers.routes.filter((route) => !node.approvedRoutes.includes(route));
  return html`<tr>
    <th scope="row">${node.name}${node.tags.map((tag) => html` <span class="tag">${tag}</span>`)}</th>
    <td><code>${node.address4}</code><br><code>${node.address6}</code></td>
    <td>${
      node.online
        ? html`<span class="dot on" aria-hidden="true"></span> connected`
        : html`<span class="dot" aria-hidden="true"></span> away since ${time(node.lastSeenAt)}`
    }</td>
    <td>${node.endpoints.map((endpoint) => html`<code>${endpoint}</code><br>`)}</td>
    <td>${node.offers.routes
      .filter((route) => node.approvedRoutes.includes(route))
      .map((route) => html`<code>${route}</code><br>`)}${pending.map(
      (route) => html`<code>${route}</code> <span class="tag">waits for approval</span><br>`,
    )}</td>
    <td>${node.operatingSystem}<br><span class="quiet">${node.agentVersion}</span></td>
    <td>${
      node.keyExpiresAt === 0
        ? 'never'
        : node.keyExpiresAt <= now
          ? html`<strong>expired</strong> ${time(node.keyExpiresAt)}`
          : time(node.keyExpiresAt)
    }</td>
  </tr>`;
}

function time(at: number): Fragment | string {
  if (at === 0) return 'the beginning';
  const iso = new Date(at).toISOString();
  return html`<time datetime="${iso}">${iso.slice(0, 16).replace('T', ' ')} UTC</time>`;
}
