import { html } from 'hono/html';
import type { NodeRecord } from '../../../store/contract/nodes.ts';
import { edgeBetween } from '../../../telemetry/edges.ts';
import type { MeshNodes } from '../../../telemetry/mesh-nodes.ts';
import { pictureMachine } from '../../../telemetry/picture.ts';
import type { Telemetry } from '../../../telemetry/telemetry.ts';
import { badge } from '../parts/badge.ts';
import type { Fragment } from '../parts/fragment.ts';
import { latencyText, natText, pathBadge, rateText, stateBadge } from './words.ts';

/** Peers in the panel, the busiest first. */
const MOST_PEERS = 20;

/** One machine beside the picture: what it is, and its paths. */
export function machinePanel(
  node: NodeRecord,
  { nodes, telemetry }: { nodes: MeshNodes; telemetry: Telemetry },
  time: { now: number; monotonic: number },
): Fragment {
  const machine = pictureMachine(node, telemetry, time.now);
  const edges = partners(telemetry, node.id)
    .flatMap((id) => edgeBetween(telemetry, nodes, node.id, id, time.monotonic) ?? [])
    .sort((x, y) => y.rate + y.rateBack - x.rate - x.rateBack);
  const relay = nodes.network.relays.find(({ id }) => id === node.homeRelay);
  return html`<div class="card-head">
        <h2><a class="row-name" href="/machines/${node.id}">${node.name}</a></h2>
        ${stateBadge(machine.state)}
      </div>
      <dl class="values">
        <dt>Addresses</dt><dd class="lines"><code>${node.address4}</code><code>${node.address6}</code></dd>
        ${node.tags.length === 0 ? '' : html`<dt>Tags</dt><dd><span class="badges">${node.tags.map((tag) => badge(tag))}</span></dd>`}
        ${machine.subnets.length === 0 ? '' : html`<dt>Networks behind it</dt><dd class="lines">${machine.subnets.map((cidr) => html`<code>${cidr}</code>`)}</dd>`}
        ${machine.role === 'exit' ? html`<dt>Exit node</dt><dd>yes</dd>` : ''}
        <dt>Before it</dt><dd>${natText(machine.nat)}</dd>
        <dt>Home relay</dt><dd>${relay === undefined ? 'none' : new URL(relay.urls[0] ?? 'https://unknown').hostname}</dd>
      </dl>
      <h3>Paths</h3>
      ${
        edges.length === 0
          ? html`<p class="quiet">${
              machine.reports || node.device !== null
                ? 'It has exchanged nothing with anybody since it started.'
                : 'It tells nothing: it is away, or of an older release.'
            }</p>`
          : html`<ul class="map-paths">${edges.slice(0, MOST_PEERS).map((edge) => {
              const peer = edge.a === node.id ? edge.b : edge.a;
              return html`<li><a href="/map/pair/${node.id}/${peer}" data-pair="${node.id} ${peer}">${nodes.node(peer)?.name}</a>
          ${pathBadge(edge.kind)} <span class="quiet">${latencyText(edge.latency, edge.isEstimated)}${
            edge.rate + edge.rateBack === 0 ? '' : `, ${rateText(edge.rate + edge.rateBack)}`
          }</span></li>`;
            })}</ul>${edges.length > MOST_PEERS ? html`<p class="quiet">and ${edges.length - MOST_PEERS} more</p>` : ''}`
      }`;
}

/** All that it told of, or that told of it. */
function partners(telemetry: Telemetry, id: string): string[] {
  const told = new Set(telemetry.of(id)?.peers.keys() ?? []);
  for (const state of telemetry.states()) if (state.peers.has(id)) told.add(state.id);
  return [...told];
}
