import { html } from 'hono/html';
import type { Actor } from '../../actor.ts';
import { layout } from '../layout.ts';
import { emptyState } from '../parts/empty-state.ts';
import type { Fragment } from '../parts/fragment.ts';
import { icon } from '../parts/icon.ts';
import { pageHead } from '../parts/page-head.ts';
import { meshTabs } from './words.ts';

/** What the page needs of a machine: to be chosen by its name. */
interface Choice {
  id: string;
  name: string;
}

/** The live picture; assets/map.js draws it. */
export function mapPage(actor: Actor, machines: readonly Choice[], tags: readonly string[]): Fragment {
  return layout({
    title: 'Map',
    actor,
    section: '/map',
    scripts: ['map.js'],
    styles: ['/assets/map.css'],
    body: html`${pageHead({
      title: 'Map',
      about: 'Who is connected to whom, and how. Click a machine, or a line to see why it is what it is.',
    })}
      ${meshTabs('/map')}
      ${machines.length === 0 ? nothing : picture(machines, tags)}`,
  });
}

const nothing = emptyState({
  icon: 'map',
  title: 'No machine has joined yet',
  text: html`<p>Make a token on <a href="/joining">Joining</a>; the map shows each machine as it joins.</p>`,
});

function picture(machines: readonly Choice[], tags: readonly string[]): Fragment {
  return html`<div class="toolbar">
        <div class="search">${icon('search')}<label class="hidden" for="map-search">Find machines</label>
          <input type="search" id="map-search" placeholder="Find machines" autocomplete="off" spellcheck="false"></div>
        <label class="hidden" for="map-tag">Tag</label>
        <select id="map-tag"><option value="">All tags</option>${tags.map(
          (tag) => html`<option value="${tag}">${tag}</option>`,
        )}</select>
        <span class="push cluster">
          <button type="button" class="small" id="map-fit">Fit</button>
          <button type="button" class="small" id="map-arrange">Arrange anew</button>
          <button type="button" class="small" id="map-pause" aria-pressed="false">Pause</button>
        </span>
      </div>
      <p class="banner warn" id="map-note" role="status" hidden></p>
      <div class="map">
        <div class="map-frame">
          <div id="map-canvas" class="map-canvas" role="img"
            aria-label="Picture of the mesh. The same is in the table of pairs."></div>
          <p class="map-summary" id="map-summary" role="status">Asking for the mesh …</p>
          ${legend}
        </div>
        <aside class="map-side stack" aria-label="Details">
          <section class="card" id="map-panel" aria-live="polite" data-live-on="changed paths" hidden></section>
          ${pairForm(machines)}
        </aside>
      </div>`;
}

/** Also the way for those who do not use a mouse. */
function pairForm(machines: readonly Choice[]): Fragment {
  const field = (id: string, label: string) => html`<div class="field">
        <label for="${id}">${label}</label>
        <input id="${id}" list="map-machines" autocomplete="off" autocapitalize="none" spellcheck="false" required>
      </div>`;
  return html`<section class="card">
      <h2>Why are two machines connected as they are?</h2>
      <form class="form" id="map-pair">
        <div class="field-row">${field('map-pair-a', 'One machine')} ${field('map-pair-b', 'Another')}</div>
        <p class="field-error" id="map-pair-error" role="alert" hidden></p>
        <div class="form-foot"><button type="submit">Tell me</button></div>
      </form>
      <datalist id="map-machines">${machines.map(
        ({ id, name }) => html`<option value="${name}" data-id="${id}"></option>`,
      )}</datalist>
    </section>`;
}

const legend = html`<details class="map-legend">
    <summary>Legend</summary>
    <ul>
      <li><span class="line direct" aria-hidden="true"></span> direct, with its round trip; as thick as its traffic</li>
      <li><span class="line relay" aria-hidden="true"></span> by relay; ~ is a round trip that was reckoned</li>
      <li><span class="line none" aria-hidden="true"></span> talked before, not connected now</li>
      <li><span class="shape machine" aria-hidden="true"></span> machine</li>
      <li><span class="shape router" aria-hidden="true"></span> router, with the networks behind it</li>
      <li><span class="shape exit" aria-hidden="true"></span> exit node</li>
      <li><span class="shape relay" aria-hidden="true"></span> relay</li>
      <li><span class="shape away" aria-hidden="true"></span> hollow and grey: away</li>
      <li><span class="shape bad" aria-hidden="true"></span> red: disabled, or its key expired</li>
    </ul>
  </details>`;
