import { html } from 'hono/html';
import { checkBox, selectField, textField } from './parts/field.ts';
import type { Fragment } from './parts/fragment.ts';
import { icon } from './parts/icon.ts';

const HOUR = 3_600;
const DAY = 24 * HOUR;

/** The form that makes a token, and the place where assets/joining.js shows it once. */
export function newToken(): Fragment {
  return html`<section class="card" aria-labelledby="new">
      <h2 id="new">New token</h2>
      <form class="form" id="new-token" data-action="POST /tokens" novalidate>
        <div class="field-row">
          ${selectField({
            id: 'token-purpose',
            name: 'purpose',
            label: 'Admits',
            value: 'node',
            options: [
              { value: 'node', label: 'Machines' },
              { value: 'relay', label: 'Relays' },
            ],
            hint: 'A relay carries traffic where no direct path is.',
          })}
          ${textField({
            id: 'token-uses',
            name: 'maxUses',
            label: 'How many',
            type: 'number',
            value: '1',
            reads: 'number',
            required: true,
            hint: 'Nothing for no limit.',
          })}
          ${selectField({
            id: 'token-expires',
            name: 'expiresIn',
            label: 'Good for',
            reads: 'number',
            value: String(HOUR),
            options: [
              { value: String(HOUR), label: '1 hour' },
              { value: String(DAY), label: '1 day' },
              { value: String(7 * DAY), label: '1 week' },
              { value: String(30 * DAY), label: '30 days' },
              { value: String(365 * DAY), label: '1 year' },
            ],
            hint: 'Who has joined stays.',
          })}
          ${textField({
            id: 'token-tags',
            name: 'tags',
            label: 'Tags',
            reads: 'list',
            placeholder: 'server, paris',
            hint: 'Given to every machine that joins. One without tags is yours, for the policy.',
          })}
          ${textField({
            id: 'token-description',
            name: 'description',
            label: 'Description',
            placeholder: 'the new file server',
            hint: 'For people who read the list.',
          })}
        </div>
        <div class="field-row">
          ${checkBox({
            id: 'token-approval',
            name: 'approval',
            label: 'Ask for approval',
            hint: 'Who joins sees nobody until an administrator approves.',
          })}
          ${checkBox({
            id: 'token-ephemeral',
            name: 'ephemeral',
            label: 'Ephemeral',
            hint: 'For containers and CI jobs: removed by itself minutes after it is gone.',
          })}
        </div>
        <div class="form-foot"><button type="submit" class="primary">Make token</button></div>
      </form>
      <div id="made" tabindex="-1" hidden></div>
      <template id="made-token">
        <p class="banner good">This is the only time that the token is shown. Run this on the host that is to join:</p>
        ${copied('command')}
        <p data-relay hidden>with the token in FILE, readable by that user alone:</p>
        <div data-relay hidden>${copied('token')}</div>
        <div data-state role="status"></div>
        <div class="form-foot"><button type="button" data-another>Make another</button></div>
      </template>
    </section>`;
}

/** What assets/joining.js fills in. */
function copied(what: 'command' | 'token'): Fragment {
  return html`<div class="code wrap">
          <pre tabindex="0"><code data-${what}></code></pre>
          <button type="button" class="small" data-copy>${icon('copy')} <span>Copy</span><span class="hidden"> ${what}</span></button>
        </div>`;
}
