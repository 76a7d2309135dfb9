import { html } from 'hono/html';
import type { Actor } from '../actor.ts';
import { layout } from './layout.ts';
import { textField } from './parts/field.ts';
import type { Fragment } from './parts/fragment.ts';
import { policyHead } from './policy-head.ts';

/** As many names are offered while somebody types one. */
const MOST_NAMES = 500;

/** Who can reach what: as a question, and as a matrix. `names` are those of machines. */
export function policyAccessPage(actor: Actor, names: readonly string[]): Fragment {
  return layout({
    title: 'Who reaches what',
    actor,
    section: '/policy',
    scripts: ['policy-access.js'],
    body: html`${policyHead('/policy/access')}
      <div class="stack">
        <section class="card" aria-labelledby="question-title">
          <h2 id="question-title">Can one reach another?</h2>
          <form class="form" id="policy-question">
            <div class="field-row">
              ${party('source', 'From', names[0])}
              ${party('destination', 'To', names[1])}
              ${textField({ id: 'question-service', name: 'service', label: 'Service', required: true, value: 'tcp/22', hint: 'tcp/443, udp/53, icmp' })}
            </div>
            <datalist id="machine-names">${names.slice(0, MOST_NAMES).map((name) => html`<option value="${name}"></option>`)}</datalist>
            <div class="form-foot"><button type="submit" class="primary">Ask</button></div>
          </form>
          <div id="policy-answer" role="status"></div>
        </section>
        <section class="card" aria-labelledby="matrix-title">
          <h2 id="matrix-title">All at a glance</h2>
          <form class="toolbar" id="policy-matrix-form">
            <label for="matrix-service">Service</label>
            <input id="matrix-service" name="service" placeholder="any" autocapitalize="none" spellcheck="false" size="12">
            <button type="submit">Show</button>
          </form>
          <p class="quiet">Machines that no rule tells apart are one line. A mark says that the machine of its line may open flows to that
            of its column; answers come back without a rule.</p>
          <div id="policy-matrix"></div>
          <p id="policy-cell" role="status"></p>
        </section>
      </div>`,
  });
}

function party(name: 'source' | 'destination', label: string, value = ''): Fragment {
  return html`<div class="field">
      <label for="question-${name}">${label}</label>
      <input id="question-${name}" name="${name}" value="${value}" list="machine-names" required autocomplete="off"
        autocapitalize="none" spellcheck="false" aria-describedby="question-${name}-hint">
      <p class="hint" id="question-${name}-hint">A machine's name, or an address</p>
    </div>`;
}
