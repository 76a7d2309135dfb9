import { html } from 'hono/html';
import { type Edge, edgeBetween, pairs } from '../../../telemetry/edges.ts';
import type { MeshNodes } from '../../../telemetry/mesh-nodes.ts';
import type { Telemetry } from '../../../telemetry/telemetry.ts';
import type { Actor } from '../../actor.ts';
import { layout } from '../layout.ts';
import { emptyState } from '../parts/empty-state.ts';
import type { Fragment } from '../parts/fragment.ts';
import { icon } from '../parts/icon.ts';
import { pageHead } from '../parts/page-head.ts';
import { latencyText, meshTabs, pathBadge, rateText } from './words.ts';

/** Rows of the table. */
const MOST_PAIRS = 200;

export interface PairsFilter {
  /** A part of either name. */
  search: string;
  /** `direct`, `relay`, `none`; empty for all. */
  kind: string;
}

interface Row {
  edge: Edge;
  names: [string, string];
}

/** All pairs that exchanged something, as a table: the map for those who do not see it. */
export function pairsPage(
  actor: Actor,
  mesh: { nodes: MeshNodes; telemetry: Telemetry },
  filter: PairsFilter,
  monotonic: number,
): Fragment {
  const query = new URLSearchParams({ search: filter.search, kind: filter.kind });
  const option = (value: string, label: string) =>
    html`<option value="${value}"${value === filter.kind ? html` selected` : ''}>${label}</option>`;
  return layout({
    title: 'Pairs',
    actor,
    section: '/map',
    scripts: ['paths-live.js'],
    styles: ['/assets/map.css'],
    body: html`${pageHead({ title: 'Pairs', about: 'All that exchanged something with each other, and how.' })}
      ${meshTabs('/map/pairs')}
      <form class="toolbar" method="get" action="/map/pairs" role="search">
        <div class="search">${icon('search')}<label class="hidden" for="pairs-search">Name</label>
          <input type="search" id="pairs-search" name="search" value="${filter.search}" placeholder="Find machines" autocomplete="off"></div>
        <label class="hidden" for="pairs-kind">Path</label>
        <select id="pairs-kind" name="kind">${option('', 'All paths')}${option('direct', 'Direct')}${option('relay', 'By relay')}${option('none', 'Not connected')}</select>
        <button type="submit">Show</button>
      </form>
      <div data-live="/map/pairs/table?${query}" data-live-on="paths">${pairsTable(mesh, filter, monotonic)}</div>`,
  });
}

/** The part that is replaced when something changed. */
export function pairsTable(
  { nodes, telemetry }: { nodes: MeshNodes; telemetry: Telemetry },
  { search, kind }: PairsFilter,
  monotonic: number,
): Fragment {
  const wanted = search.toLowerCase();
  const rows: Row[] = [];
  for (const [a, b] of pairs(telemetry)) {
    const names: [string, string] = [nodes.node(a)?.name ?? '', nodes.node(b)?.name ?? ''];
    if (!names.some((name) => name.includes(wanted))) continue;
    const edge = edgeBetween(telemetry, nodes, a, b, monotonic);
    if (edge === null || (kind !== '' && edge.kind !== kind)) continue;
    if (edge.a !== a) names.reverse();
    rows.push({ edge, names });
  }
  if (rows.length === 0) {
    return emptyState({
      icon: 'map',
      title: search === '' && kind === '' ? 'Nothing was exchanged yet' : 'No pair matches',
      text: html`<p>Agents tell of each peer that they exchanged something with.</p>`,
    });
  }
  rows.sort((x, y) => compare(x.names[0], y.names[0]) || compare(x.names[1], y.names[1]));
  return html`<div class="table-wrap" tabindex="0" role="region" aria-label="Pairs">
      <table class="cards">
        <thead><tr>
          <th scope="col">Machines</th><th scope="col">Path</th><th scope="col" class="number">Round trip</th>
          <th scope="col" class="number">There</th><th scope="col" class="number">Back</th><th scope="col"><span class="hidden">Why</span></th>
        </tr></thead>
        <tbody>${rows.slice(0, MOST_PAIRS).map(pairRow)}</tbody>
      </table>
    </div>
    ${rows.length > MOST_PAIRS ? html`<p class="quiet">The first ${MOST_PAIRS} of ${rows.length} pairs; search for those you want.</p>` : ''}`;
}

function pairRow({ edge, names: [a, b] }: Row): Fragment {
  const { kind, latency, isEstimated, rate, rateBack } = edge;
  return html`<tr data-key="${edge.a} ${edge.b}">
      <th scope="row">${a} – ${b}</th>
      <td data-label="Path">${pathBadge(kind)}</td>
      <td class="number" data-label="Round trip">${latencyText(latency, isEstimated)}</td>
      <td class="number" data-label="There">${rateText(rate)}</td>
      <td class="number" data-label="Back">${rateText(rateBack)}</td>
      <td class="actions"><a href="/map/pair/${edge.a}/${edge.b}">Why<span class="hidden">: ${a} and ${b}</span></a></td>
    </tr>`;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
