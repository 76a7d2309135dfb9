import { html } from 'hono/html';
import { isExpired } from '../../network/joining.ts';
import type { NetworkRecord } from '../../store/contract/network.ts';
import type { NodeRecord } from '../../store/contract/nodes.ts';
import type { Fragment } from './parts/fragment.ts';
import { exactTime, relativeTime } from './parts/time.ts';

/** What is known of a machine: its place in the mesh, and the host that it is. */
export function machineFacts(node: NodeRecord, network: NetworkRecord, now: number): Fragment {
  const relay = network.relays.find(({ id }) => id === node.homeRelay);
  return html`<div class="columns">
      <section class="card" aria-labelledby="in-the-mesh">
        <h2 id="in-the-mesh">In the mesh</h2>
        <dl class="values">
          ${value('Addresses', html`<div class="lines"><code>${node.address4}</code><code>${node.address6}</code></div>`)}
          ${value('Name', html`<code>${node.name}.${network.settings.dns.zone}</code>`)}
          ${value('Public key', html`<code>${node.publicKey}</code>`)}
          ${value('Key expires', keyExpiry(node, now))}
          ${node.owner === '' ? '' : value('Owner', node.owner)}
          ${value('Joined', html`${relativeTime(node.createdAt, now)} <span class="quiet">${exactTime(node.createdAt)}</span>`)}
          ${value('Id', html`<code>${node.id}</code>`)}
        </dl>
      </section>
      <section class="card" aria-labelledby="host">
        <h2 id="host">Host</h2>
        <dl class="values">
          ${value('System', node.operatingSystem || '–')}
          ${value('Agent', node.agentVersion || '–')}
          ${value('Last seen', node.online ? 'connected now' : relativeTime(node.lastSeenAt, now))}
          ${value('Listens on', node.listenPort === 0 ? '–' : html`UDP port ${node.listenPort}`)}
          ${value(
            'Endpoints',
            node.endpoints.length === 0
              ? html`<span class="quiet">none told</span>`
              : html`<div class="lines">${node.endpoints.map((endpoint) => html`<code>${endpoint}</code>`)}</div>`,
          )}
          ${value('Home relay', relay === undefined ? html`<span class="quiet">none</span>` : relayName(relay.urls, relay.tlsName))}
        </dl>
      </section>
    </div>`;
}

function value(name: string, content: Fragment | string): Fragment {
  return html`<dt>${name}</dt><dd>${content}</dd>`;
}

function keyExpiry(node: NodeRecord, now: number): Fragment | string {
  if (node.keyExpiresAt === 0) return 'never';
  const exact = html`<span class="quiet">${exactTime(node.keyExpiresAt)}</span>`;
  if (!isExpired(node.keyExpiresAt, now)) return html`${relativeTime(node.keyExpiresAt, now)} ${exact}`;
  return html`<strong>expired</strong> ${exact}`;
}

function relayName(urls: readonly string[], tlsName: string): Fragment {
  return html`<code>${urls[0] ?? tlsName}</code>`;
}
