import { html } from 'hono/html';
import type { MeshNodes } from '../../telemetry/mesh-nodes.ts';
import type { Telemetry } from '../../telemetry/telemetry.ts';
import { pathBadge } from './map/words.ts';
import type { Fragment } from './parts/fragment.ts';
import { relativeTime } from './parts/time.ts';

/** Rows of the table. */
const MOST_CHANGES = 20;

/** The charts of a machine's last day, which assets/machine-charts.js draws from the API. */
export function machineCharts(id: string): Fragment {
  const chart = (name: string, title: string) => html`<figure class="chart-figure">
        <figcaption id="chart-${name}-title">${title}</figcaption>
        <div class="chart" id="chart-${name}" role="img" aria-labelledby="chart-${name}-title chart-${name}-words" data-keep></div>
        <p class="quiet small-text" id="chart-${name}-words" data-keep></p>
      </figure>`;
  return html`<section class="card" id="machine-charts" data-machine="${id}" aria-labelledby="machine-charts-title">
      <div class="card-head">
        <h2 id="machine-charts-title">Traffic and round trips</h2>
        <div>
          <label class="hidden" for="chart-span">Time shown</label>
          <select id="chart-span">
            <option value="60">Last hour</option>
            <option value="360">Last 6 hours</option>
            <option value="1440">Last day</option>
          </select>
        </div>
      </div>
      <div class="columns">${chart('traffic', 'Traffic')} ${chart('latency', 'Round trips')}</div>
    </section>`;
}

/** How its paths changed lately. */
export function machineHistory(
  id: string,
  { nodes, telemetry }: { nodes: MeshNodes; telemetry: Telemetry },
  now: number,
): Fragment {
  const changes = [...(telemetry.of(id)?.changes ?? [])].reverse().slice(0, MOST_CHANGES);
  return html`<section class="card flush" aria-labelledby="path-changes">
      <div class="card-head"><h2 id="path-changes">Changes of paths</h2></div>
      ${
        changes.length === 0
          ? html`<p class="note quiet">None that this coordinator was told of since it started.</p>`
          : html`<div class="table-wrap"><table class="cards">
        <caption class="hidden">Latest changes of the paths to other machines</caption>
        <thead><tr><th scope="col">When</th><th scope="col">To</th><th scope="col">Path</th><th scope="col">Why</th></tr></thead>
        <tbody>${changes.map(
          ({ at, peerId, from, to, endpoint, reason }) => html`<tr>
          <td data-label="When" class="nowrap">${relativeTime(at, now)}</td>
          <td data-label="To"><a href="/map/pair/${id}/${peerId}">${nodes.node(peerId)?.name ?? 'a machine that is gone'}</a></td>
          <td data-label="Path"><span class="badges">${pathBadge(from)} → ${pathBadge(to)}</span>${
            endpoint === '' ? '' : html`<br><code class="small-text">${endpoint}</code>`
          }</td>
          <td data-label="Why" class="small-text">${reason || '–'}</td>
        </tr>`,
        )}</tbody>
      </table></div>`
      }
    </section>`;
}
