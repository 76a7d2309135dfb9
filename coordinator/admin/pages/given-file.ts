import { html } from 'hono/html';
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
