// Asks a person to prove once more who they are, where the API wants that. `api.js` does so by itself.
import { showErrors } from './form-errors.js';
import { leave } from './leave.js';
import { ApiError, request } from './request.js';

let asking = null;

/** Whether the person is confirmed now: minutes ago already, or by the dialog. False for whoever closed it. */
export function confirmIdentity() {
  asking ??= ask().finally(() => {
    asking = null;
  });
  return asking;
}

async function ask() {
  const { data: ways } = await request('GET', '/account/confirmation');
  if (ways.confirmedUntil) return true;
  const dialog = document.createElement('dialog');
  dialog.className = 'dialog';
  dialog.setAttribute('aria-labelledby', 'identity-title');
  dialog.setAttribute('aria-describedby', 'identity-text');
  dialog.innerHTML = `<form class="form" novalidate>
      <h2 id="identity-title">Is it you?</h2>
      <p id="identity-text">This is asked before what could take an account over, and then not for ten minutes.</p>
      <input type="text" name="username" autocomplete="username" hidden>
      <div class="field" data-by-passphrase>
        <label for="identity-passphrase">Your passphrase</label>
        <input type="password" id="identity-passphrase" name="passphrase" autocomplete="current-password">
      </div>
      <p data-by-none>Sign out, and in again, to go on.</p>
      <div class="dialog-foot">
        <button type="button" data-close>Cancel</button>
        <button type="button" data-by-passkey>Use a passkey</button>
        <button type="button" class="primary" data-by-provider></button>
        <button type="submit" class="primary" data-by-passphrase>Confirm</button>
      </div>
    </form>`;
  const form = dialog.querySelector('form');
  form.elements.namedItem('username').value = ways.name;
  const keep = (way, there) => {
    if (!there) for (const part of dialog.querySelectorAll(`[data-by-${way}]`)) part.remove();
  };
  keep('passphrase', ways.passphrase);
  keep('passkey', ways.passkey && 'credentials' in navigator);
  keep('provider', ways.provider);
  keep('none', !ways.passphrase && !ways.passkey && !ways.provider);

  const prove = async (proof) => {
    if (form.getAttribute('aria-busy') === 'true') return;
    form.setAttribute('aria-busy', 'true');
    try {
      await request('PUT', '/account/confirmation', await proof());
      dialog.close('yes');
    } catch (error) {
      if (error.name === 'NotAllowedError') {
        showErrors(form, { errors: [], message: 'No passkey was used.' });
      } else if (error instanceof ApiError) showErrors(form, error);
      else throw error;
    } finally {
      form.removeAttribute('aria-busy');
    }
  };
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    if (ways.passphrase) void prove(() => ({ passphrase: form.elements.namedItem('passphrase').value }));
  });
  dialog.querySelector('[data-by-passkey]')?.addEventListener('click', () => void prove(byPasskey));
  const provider = dialog.querySelector('[data-by-provider]');
  if (provider) {
    provider.textContent = `Sign in with ${ways.provider.label}`;
    provider.addEventListener('click', () => {
      const here = location.pathname + location.search + location.hash;
      leave(`${ways.provider.path}&return=${encodeURIComponent(here)}`);
    });
  }
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener('close', () => {
      dialog.remove();
      resolve(dialog.returnValue === 'yes');
    });
  });
}

async function byPasskey() {
  const { startAuthentication } = await import('@simplewebauthn/browser');
  const { data } = await request('POST', '/account/confirmation/passkey');
  const response = await startAuthentication({ optionsJSON: data.options });
  return { passkey: { ticket: data.ticket, response } };
}
