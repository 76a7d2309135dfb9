import { html } from 'hono/html';
import type { NodeRecord } from '../../store/store.ts';
import { actionButton } from './parts/action-button.ts';
import type { Fragment } from './parts/fragment.ts';

/** What an administrator can do to a device. */
export function deviceActions(node: NodeRecord): Fragment {
  const { id, name } = node;
  const handOut = `POST /devices/${id}/config`;
  return html`<span class="cluster" data-gives-file>
      ${actionButton({
        label: 'Hand out the file',
        request: handOut,
        body: {},
        tone: 'primary',
        confirm: {
          title: `Hand out the file of ${name}?`,
          text: 'Agents go by it from then on, so it has to be put on the device now. Its key stays.',
          button: 'Hand out',
          safe: true,
        },
      })}
      ${actionButton({
        label: 'New key',
        request: handOut,
        body: { newKey: true },
        confirm: {
          title: `Make a new key for ${name}?`,
          text: 'Its old key is good for nothing at once. The new one is shown once, with the file and a QR code.',
          button: 'Make a new key',
        },
      })}
    </span>
    <button type="button" data-dialog="rename">Rename</button>
    <button type="button" data-dialog="tags">Tags</button>
    <button type="button" data-dialog="expiry">Key expiry</button>
    ${
      node.disabled
        ? actionButton({
            label: 'Enable',
            request: `PATCH /devices/${id}`,
            body: { disabled: false },
            done: `${name} is back in the mesh`,
          })
        : actionButton({
            label: 'Disable',
            request: `PATCH /devices/${id}`,
            body: { disabled: true },
            confirm: {
              title: `Disable ${name}?`,
              text: 'No agent takes anything of it, at once and until you enable it again. Its name, addresses and key stay.',
              button: 'Disable',
              safe: true,
            },
            done: `${name} is disabled`,
          })
    }
    ${actionButton({
      label: 'Remove',
      request: `DELETE /devices/${id}`,
      tone: 'danger-quiet',
      confirm: {
        title: `Remove ${name} for good?`,
        text: 'It is cut off at once, and its file is good for nothing. This cannot be undone.',
        button: 'Remove',
      },
      done: `${name} was removed`,
      goTo: '/devices',
    })}`;
}
