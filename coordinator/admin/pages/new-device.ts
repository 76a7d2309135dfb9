import { html } from 'hono/html';
import type { NodeRecord } from '../../store/contract/nodes.ts';
import { checkBox, selectField, textField } from './parts/field.ts';
import type { Fragment } from './parts/fragment.ts';

/**
 * The form that adds a device; assets/devices.js shows the file that comes of it. `gateways`: agents that devices can dial; `owners`:
 * names of accounts.
 */
export function newDevice(gateways: readonly NodeRecord[], owners: readonly string[]): Fragment {
  return html`<section class="card" aria-labelledby="new">
      <h2 id="new">New device</h2>
      <form class="form" data-action="POST /devices" data-gives-file novalidate>
        <div class="field-row">
          ${textField({
            id: 'device-name',
            name: 'name',
            label: 'Name',
            required: true,
            placeholder: 'phone',
            hint: 'Lower-case letters, digits and hyphens.',
          })}
          ${textField({
            id: 'device-tags',
            name: 'tags',
            label: 'Tags',
            reads: 'list',
            placeholder: 'phone, paris',
            hint: 'The policy decides by them.',
          })}
          ${textField({
            id: 'device-owner',
            name: 'owner',
            label: 'Owner',
            reads: 'null',
            suggestions: owners,
            hint: 'The account whose device it is. The policy looks at it where there are no tags.',
          })}
          ${textField({
            id: 'device-expires',
            name: 'keyExpiresAt',
            label: 'Member until',
            type: 'date',
            reads: 'date',
            hint: 'With no date, until it is removed.',
          })}
        </div>
        <div class="field-row">
          ${textField({
            id: 'device-key',
            name: 'publicKey',
            label: 'Public key of its own',
            reads: 'null',
            hint: 'With none, a key pair is made here and its private key is shown once.',
          })}
          ${selectField({
            id: 'device-gateway',
            name: 'gateway',
            label: 'Gateway',
            reads: 'null',
            value: '',
            options: [
              { value: '', label: 'whichever is best' },
              ...gateways.map(({ id, name }) => ({ value: id, label: name })),
            ],
            hint:
              gateways.length === 0
                ? 'No agent can be dialled now: give one a public address, or a forwarded port and --endpoint.'
                : 'Forwards between the device and all that it does not dial.',
          })}
          ${checkBox({
            id: 'device-names',
            name: 'asksForNames',
            label: 'Ask the gateway for names',
            checked: true,
            hint: 'Writes a DNS line. On Linux wg-quick needs resolvconf for it.',
          })}
        </div>
        <div class="form-foot"><button type="submit" class="primary">Add device</button></div>
      </form>
    </section>`;
}
