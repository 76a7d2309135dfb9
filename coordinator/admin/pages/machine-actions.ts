import { html } from 'hono/html';
import { standingOf } from '../../network/standing.ts';
import type { NodeRecord } from '../../store/contract/nodes.ts';
import { actionButton } from './parts/action-button.ts';
import type { Fragment } from './parts/fragment.ts';

/** Where the two kinds of members are, and what befalls them. */
const KINDS = {
  agent: {
    resource: '/machines',
    list: '/',
    disabling:
      'It sees nobody and nobody sees it, at once and until you enable it again. Its name, addresses and approvals stay.',
    removing:
      'It is cut off at once. Its addresses and approvals are forgotten, and it has to join again with a new token. This cannot be undone.',
  },
  device: {
    resource: '/devices',
    list: '/devices',
    disabling:
      'No agent takes anything of it, at once and until you enable it again. Its name, addresses and key stay.',
    removing: 'It is cut off at once, and its file is good for nothing. This cannot be undone.',
  },
} as const;

/**
 * What an administrator can do to a machine, or to a plain WireGuard device. What cannot be undone, or cuts somebody off, is asked
 * about. `first`: what its own kind has beside.
 */
export function machineActions(node: NodeRecord, first: Fragment | '' = ''): Fragment {
  const { id, name } = node;
  const kind = KINDS[node.device === null ? 'agent' : 'device'];
  const request = `PATCH ${kind.resource}/${id}`;
  return html`${first}${
    standingOf(node) === 'unapproved'
      ? actionButton({
          label: 'Approve',
          request: `PATCH /machines/${id}`,
          body: { approved: true },
          tone: 'primary',
          done: `${name} is a member now`,
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
            done: `${name} is back in the mesh`,
          })
        : actionButton({
            label: 'Disable',
            request,
            body: { disabled: true },
            confirm: {
              title: `Disable ${name}?`,
              text: kind.disabling,
              button: 'Disable',
              safe: true,
            },
            done: `${name} is disabled`,
          })
    }
    ${actionButton({
      label: 'Remove',
      request: `DELETE ${kind.resource}/${id}`,
      tone: 'danger-quiet',
      confirm: { title: `Remove ${name} for good?`, text: kind.removing, button: 'Remove' },
      done: `${name} was removed`,
      goTo: kind.list,
    })}`;
}
