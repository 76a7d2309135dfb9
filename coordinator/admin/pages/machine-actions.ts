import { html } from 'hono/html';
import { isExpired } from '../../network/joining.ts';
import { standingOf } from '../../network/standing.ts';
import type { NodeRecord } from '../../store/store.ts';
import { actionButton } from './parts/action-button.ts';
import { dialog, dialogButtons } from './parts/dialog.ts';
import { textField } from './parts/field.ts';
import type { Fragment } from './parts/fragment.ts';

/** What an administrator can do to a machine. What cannot be undone, or cuts somebody off, is asked about. */
export function machineActions(node: NodeRecord): Fragment {
  const request = `PATCH /machines/${node.id}`;
  const standing = standingOf(node);
  return html`${
    standing === 'unapproved'
      ? actionButton({
          label: 'Approve',
          request,
          body: { approved: true },
          tone: 'primary',
          done: `${node.name} is a member now`,
        })
      : ''
  }
    <button type="button" data-dialog="rename">Rename</button>
    <button type="button" data-dialog="tags">Tags</button>
    <button type="button" data-dialog="expiry">Key expiry</button>
    ${
      node.disabled
        ? actionButton({
            label: 'Enable',
            request,
            body: { disabled: false },
            tone: 'primary',
            done: `${node.name} is back in the mesh`,
          })
        : actionButton({
            label: 'Disable',
            request,
            body: { disabled: true },
            confirm: {
              title: `Disable ${node.name}?`,
              text: 'It sees nobody and nobody sees it, at once and until you enable it again. Its name, addresses and approvals stay.',
              button: 'Disable',
              safe: true,
            },
            done: `${node.name} is disabled`,
          })
    }
    ${actionButton({
      label: 'Remove',
      request: `DELETE /machines/${node.id}`,
      tone: 'danger-quiet',
      confirm: {
        title: `Remove ${node.name} for good?`,
        text: 'It is cut off at once. Its addresses and approvals are forgotten, and it has to join again with a new token. This cannot be undone.',
        button: 'Remove',
      },
      done: `${node.name} was removed`,
      goTo: '/',
    })}`;
}

export function machineDialogs(node: NodeRecord, now: number): Fragment {
  const request = `PATCH /machines/${node.id}`;
  const form = (fields: Fragment, done: string, submit = 'Save', besides: Fragment | '' = '') =>
    html`<form data-action="${request}" data-done="${done}" novalidate>${fields}${dialogButtons(submit, besides)}</form>`;
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
