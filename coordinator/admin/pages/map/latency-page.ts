import { html } from 'hono/html';
import { type Matrix, type MatrixCell, MOST_IN_MATRIX } from '../../../telemetry/matrix.ts';
import type { Actor } from '../../actor.ts';
import { layout } from '../layout.ts';
import { emptyState } from '../parts/empty-state.ts';
import type { Fragment } from '../parts/fragment.ts';
import { icon } from '../parts/icon.ts';
import { pageHead } from '../parts/page-head.ts';
import { meshTabs } from './words.ts';

export interface LatencyFilter {
  search: string;
  tag: string;
}

/** Round trips between all machines as a matrix. */
export function latencyPage(
  actor: Actor,
  matrix: Matrix,
  filter: LatencyFilter,
  tags: readonly string[],
): Fragment {
  const query = new URLSearchParams({ ...filter });
  return layout({
    title: 'Latency',
    actor,
    section: '/map',
    scripts: ['paths-live.js'],
    styles: ['/assets/map.css'],
    body: html`${pageHead({
      title: 'Latency',
      about:
        'Round trips in milliseconds, as agents measured them last. ~ was reckoned from the distances to relays.',
    })}
      ${meshTabs('/map/latency')}
      <form class="toolbar" method="get" action="/map/latency" role="search">
        <div class="search">${icon('search')}<label class="hidden" for="latency-search">Name</label>
          <input type="search" id="latency-search" name="search" value="${filter.search}" placeholder="Find machines" autocomplete="off"></div>
        <label class="hidden" for="latency-tag">Tag</label>
        <select id="latency-tag" name="tag"><option value="">All tags</option>${tags.map(
          (tag) => html`<option value="${tag}"${tag === filter.tag ? html` selected` : ''}>${tag}</option>`,
        )}</select>
        <button type="submit">Show</button>
      </form>
      ${scale}
      <div data-live="/map/latency/table?${query}" data-live-on="paths">${latencyTable(matrix)}</div>`,
  });
}

/** The part that is replaced when something changed. */
export function latencyTable({ machines, cells, total }: Matrix): Fragment {
  if (machines.length === 0) {
    return emptyState({ icon: 'map', title: 'No machine matches', text: 'Search for another name or tag.' });
  }
  return html`<div class="table-wrap matrix-wrap" tabindex="0" role="region" aria-label="Round trips">
      <table class="matrix">
        <thead><tr><td></td>${machines.map(({ name }) => html`<th scope="col"><span>${name}</span></th>`)}</tr></thead>
        <tbody>${machines.map(
          (machine, row) =>
            html`<tr><th scope="row"><a class="row-name" href="/machines/${machine.id}">${machine.name}</a></th>${machines.map(
              (column, index) =>
                machine === column
                  ? html`<td class="self"></td>`
                  : cellOf(cells[row]?.[index] ?? null, `/map/pair/${machine.id}/${column.id}`),
            )}</tr>`,
        )}</tbody>
      </table>
    </div>
    ${total > MOST_IN_MATRIX ? html`<p class="quiet">The first ${machines.length} of ${total} machines; search for those you want.</p>` : ''}`;
}

/** Upper ends of the scale, milliseconds. */
const STEPS = [5, 20, 50, 100] as const;

function stepOf(latency: number): number {
  const step = STEPS.findIndex((end) => latency < end);
  return step < 0 ? STEPS.length : step;
}

function cellOf(cell: MatrixCell | null, path: string): Fragment {
  if (cell === null)
    return html`<td class="blank"><a href="${path}" aria-label="nothing exchanged">·</a></td>`;
  const { kind, latency, isEstimated } = cell;
  const words = kind === 'none' ? 'not connected' : kind === 'relay' ? 'by relay' : 'direct';
  if (latency === null) {
    const sign = kind === 'none' ? '×' : '?';
    return html`<td class="${kind}"><a href="${path}">${sign}<span class="hidden"> ${words}</span></a></td>`;
  }
  const number = `${isEstimated ? '~' : ''}${latency < 10 ? latency.toFixed(1) : Math.round(latency)}`;
  return html`<td class="${kind} step-${stepOf(latency)}"><a href="${path}">${number}<span class="hidden"> ms, ${words}</span></a></td>`;
}

const scale = html`<ul class="matrix-scale" aria-label="Scale">${[...STEPS, null].map(
  (end, step) =>
    html`<li><span class="step-${step}">${end === null ? `${STEPS.at(-1)} ms and more` : `under ${end} ms`}</span></li>`,
)}<li><span class="relay">dashed: by relay</span></li><li><span>× not connected now</span></li><li><span>? not measured</span></li><li><span>· nothing exchanged</span></li></ul>`;
