import { html } from 'hono/html';
import type { NodeRecord } from '../../store/contract/nodes.ts';
import { actionButton } from './parts/action-button.ts';
import type { Fragment } from './parts/fragment.ts';

/** The place where assets/devices.js shows a file that was just handed out: with the private key in it, only once. */
export function givenFile(): Fragment {
  return html`<section class="card" id="given" tabindex="-1" aria-label="The file" hidden></section>
    <template id="given-file">
      <h2>File of <span data-name></span></h2>
      <p class="banner good" data-with-key><span>The private key in it was made just now, and this is the only time that it is shown.
        Scan the code with the WireGuard app, or save the file for <code>wg-quick</code>.</span></p>
      <p class="banner warn" data-without-key>Put it on the device now, with its private key, which is known there alone: from
        now on agents go by this file.</p>
      <div class="given">
        <div class="qr" data-qr></div>
        <div class="code wrap">
          <pre tabindex="0"><code data-file></code></pre>
          <button type="button" class="small" data-copy><span>Copy</span><span class="hidden"> file</span></button>
        </div>
      </div>
      <div class="form-foot"><a class="button" data-save>Save as a file</a> <button type="button" data-done>Done</button></div>
    </template>`;
}

/** The buttons that hand out a device's file; what comes of them is shown in `givenFile`. */
export function handOutButtons({ id, name }: NodeRecord): Fragment {
  const request = `POST /devices/${id}/config`;
  return html`<span class="cluster" data-gives-file>
      ${actionButton({
        label: 'Hand out the file',
        request,
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
        request,
        body: { newKey: true },
        confirm: {
          title: `Make a new key for ${name}?`,
          text: 'Its old key is good for nothing at once. The new one is shown once, with the file and a QR code.',
          button: 'Make a new key',
        },
      })}
    </span>`;
}
