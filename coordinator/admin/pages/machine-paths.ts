import { html } from 'hono/html';
import type { NodeRecord } from '../../store/contract/nodes.ts';
import type { MeshNodes } from '../../telemetry/mesh-nodes.ts';
import type { PathEntry } from '../../telemetry/node-telemetry.ts';
import { wordsBetween } from '../../telemetry/pair.ts';
import type { PathKindName } from '../../telemetry/peer-path.ts';
import type { Telemetry } from '../../telemetry/telemetry.ts';
import { badge, type Tone } from './parts/badge.ts';
import { byteCount, byteRate } from './parts/bytes.ts';
import type { Fragment } from './parts/fragment.ts';
import { relativeTime } from './parts/time.ts';

/** Peers shown at most, the busiest first. */
const SHOWN = 50;
const KINDS: Readonly<Record<PathKindName, { label: string; tone: Tone }>> = {
  direct: { label: 'direct', tone: 'good' },
  relay: { label: 'by relay', tone: 'warn' },
  none: { label: 'none now', tone: 'neutral' },
};

/** How a machine reaches each of its peers now, and why that way. `time`: wall clock and monotonic milliseconds. */
export function machinePaths(
  node: NodeRecord,
  nodes: MeshNodes,
  telemetry: Telemetry,
  time: { now: number; monotonic: number },
): Fragment {
  const told = telemetry.of(node.id);
  const peers = [...(told?.peers ?? [])]
    .flatMap(([id, entry]) => {
      const peer = nodes.node(id);
      return peer === undefined || !nodes.mayMeet(node.id, id) ? [] : [{ peer, entry }];
    })
    .sort((a, b) => busyness(b.entry) - busyness(a.entry) || a.peer.name.localeCompare(b.peer.name));
  const nat = told?.nat;
  return html`<section class="card flush" aria-labelledby="paths">
      <div class="card-head">
        <h2 id="paths">Paths to peers</h2>
        ${nat == null ? '' : html`<span class="quiet small-text">NAT: mapping ${nat.mapping}, filtering ${nat.filtering}</span>`}
      </div>
      ${
        peers.length === 0
          ? html`<p class="note quiet">${silence(node, told?.isConnected === true)}</p>`
          : html`<div class="table-wrap"><table class="cards">
        <caption class="hidden">How ${node.name} reaches its peers</caption>
        <thead>
          <tr><th scope="col">Peer</th><th scope="col">Path</th><th scope="col" class="number">Round trip</th>
            <th scope="col" class="number">Sent</th><th scope="col" class="number">Received</th><th scope="col">Why</th></tr>
        </thead>
        <tbody>${peers
          .slice(0, SHOWN)
          .map(({ peer, entry }) =>
            row(node, peer, entry, wordsBetween(nodes, telemetry, [node.id, peer.id], time) ?? null, time),
          )}</tbody>
      </table></div>
      ${peers.length > SHOWN ? html`<p class="note quiet">and ${peers.length - SHOWN} more, which exchanged less</p>` : ''}`
      }
    </section>`;
}

function row(
  node: NodeRecord,
  peer: NodeRecord,
  { view, sentRate, receivedRate, rateUntil }: PathEntry,
  words: { reason: string; advice: string | null } | null,
  time: { now: number; monotonic: number },
): Fragment {
  const { label, tone } = KINDS[view.kind];
  const rates = rateUntil >= time.monotonic;
  return html`<tr data-key="${peer.id}">
      <th scope="row"><a class="row-name" href="/machines/${peer.id}">${peer.name}</a></th>
      <td data-label="Path" class="nowrap">${badge(label, tone)}${
        view.endpoint === '' ? '' : html`<br><code class="small-text">${view.endpoint}</code>`
      }${view.kind === 'none' ? '' : html`<br><span class="quiet small-text">since ${relativeTime(view.since, time.now)}</span>`}</td>
      <td data-label="Round trip" class="number nowrap">${view.latency === null ? '–' : `${view.latency.toFixed(view.latency < 10 ? 1 : 0)} ms`}</td>
      <td data-label="Sent" class="number nowrap">${traffic(view.sentBytes, rates ? sentRate : 0)}</td>
      <td data-label="Received" class="number nowrap">${traffic(view.receivedBytes, rates ? receivedRate : 0)}</td>
      <td data-label="Why" class="small-text">${words === null ? '' : words.reason}${
        words?.advice ? html` <span class="quiet">What helps: ${words.advice}.</span>` : ''
      } <a class="nowrap" href="/map/pair/${node.id}/${peer.id}">Both sides<span class="hidden"> of ${node.name} and ${peer.name}</span></a></td>
    </tr>`;
}

function traffic(bytes: number, rate: number): Fragment {
  return html`${byteCount(bytes)}${rate < 1 ? '' : html`<br><span class="quiet small-text">${byteRate(rate)}</span>`}`;
}

function busyness({ view }: PathEntry): number {
  return view.sentBytes + view.receivedBytes;
}

function silence(node: NodeRecord, isTelling: boolean): string {
  if (node.device !== null) return 'Plain WireGuard tells nothing of its paths.';
  if (isTelling) return 'It has exchanged nothing with anybody yet. The first packet to a peer makes a path.';
  return node.online ? 'Its agent tells no paths: it is of an older release.' : 'It is away.';
}
