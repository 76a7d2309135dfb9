import { html } from 'hono/html';
import { isExpired } from '../../network/joining.ts';
import type { NodeRecord } from '../../store/contract/nodes.ts';
import { entityTag } from '../api/entity-tag.ts';
import { machineView } from '../api/machine-view.ts';
import { actionButton } from './parts/action-button.ts';
import { dialog, dialogButtons } from './parts/dialog.ts';
import { textField } from './parts/field.ts';
import type { Fragment } from './parts/fragment.ts';

/** What the buttons of `machineActions` open: each a form that knows which state of the machine it shows. */
export function machineDialogs(node: NodeRecord, now: number): Fragment {
  const request = `PATCH /machines/${node.id}`;
  const tag = entityTag(JSON.stringify(machineView(node, now)));
  const form = (fields: Fragment, done: string, submit = 'Save', besides: Fragment | '' = '') =>
    html`<form data-action="${request}" data-if-match="${tag}" data-done="${done}" novalidate>${fields}${dialogButtons(submit, besides)}</form>`;
  return html`${dialog({
    id: 'rename',
    title: `Rename ${node.name}`,
    body: form(
      textField({
        id: 'rename-name',
        name: 'name',
        label: 'New name',
        value: node.name,
        required: true,
        hint: 'Lower-case letters, digits and hyphens. It is resolved under the new name at once.',
      }),
      'Renamed',
      'Rename',
    ),
  })}
    ${dialog({
      id: 'tags',
      title: `Tags of ${node.name}`,
      body: form(
        textField({
          id: 'tags-tags',
          name: 'tags',
          label: 'Tags',
          value: node.tags.join(', '),
          reads: 'list',
          hint: 'With commas between them, such as server, paris. The policy decides by tags what a machine may reach.',
        }),
        'The tags are set',
      ),
    })}
    ${dialog({
      id: 'expiry',
      title: `Key expiry of ${node.name}`,
      body: form(
        textField({
          id: 'expiry-date',
          name: 'keyExpiresAt',
          label: 'The key expires on',
          type: 'date',
          reads: 'date',
          value: node.keyExpiresAt === 0 ? '' : new Date(node.keyExpiresAt).toISOString().slice(0, 10),
          hint: 'At the beginning of that day, UTC. With no date it never expires.',
        }),
        'The key expiry is set',
        'Save',
        isExpired(node.keyExpiresAt, now) ? '' : expireNow(node, now),
      ),
    })}`;
}

function expireNow(node: NodeRecord, now: number): Fragment {
  return actionButton({
    label: 'Expire now',
    request: `PATCH /machines/${node.id}`,
    body: { keyExpiresAt: new Date(now).toISOString() },
    tone: 'danger-quiet',
    confirm: {
      title: `Expire the key of ${node.name} now?`,
      text: 'Its peers drop its packets within seconds. It comes back when it joins again with a token, or when you set a later expiry.',
      button: 'Expire key',
      safe: true,
    },
    done: `The key of ${node.name} has expired`,
  });
}
