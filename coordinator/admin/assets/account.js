// One's own account: setting up a second factor, and adding passkeys.
import { browserSupportsWebAuthn, startRegistration } from '@simplewebauthn/browser';
import { ApiError, api } from './api.js';
import { refresh } from './live.js';
import { toast } from './toast.js';

const setup = document.getElementById('totp-setup');
const factor = document.getElementById('factor');

document.addEventListener('click', (event) => {
  if (event.target.closest?.('#begin-totp')) void beginTotp();
  if (event.target.closest?.('#totp-setup [data-cancel]')) endTotp();
});

async function beginTotp() {
  try {
    const { data } = await api('POST', '/account/totp/secret');
    const content = document.getElementById('totp-form').content.cloneNode(true);
    content.querySelector('svg').setAttribute('viewBox', `0 0 ${data.qr.size} ${data.qr.size}`);
    content.querySelector('path').setAttribute('d', data.qr.path);
    content.querySelector('[data-secret]').textContent = data.secret;
    content.querySelector('[name=secret]').value = data.secret;
    show(content);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    toast(error.message, 'bad');
  }
}

setup?.addEventListener('warren:done', (event) => {
  const { recoveryCodes } = event.detail.data;
  const content = document.getElementById('recovery-codes').content.cloneNode(true);
  content.querySelector('[data-codes]').textContent = recoveryCodes.join('\n');
  show(content);
  void refresh();
});

function show(content) {
  setup.replaceChildren(content);
  setup.hidden = false;
  factor.hidden = true;
  setup.focus();
}

function endTotp() {
  setup.replaceChildren();
  setup.hidden = true;
  factor.hidden = false;
  document.getElementById('begin-totp')?.focus();
}

const add = document.getElementById('add-passkey');
const note = document.getElementById('passkey-error');
if (add && browserSupportsWebAuthn()) {
  add.hidden = false;
  add.addEventListener('click', () => void addPasskey());
}

async function addPasskey() {
  if (add.getAttribute('aria-busy') === 'true') return;
  add.setAttribute('aria-busy', 'true');
  note.hidden = true;
  try {
    const { data } = await api('POST', '/account/passkeys/options');
    const response = await startRegistration({ optionsJSON: data.options });
    await api('POST', '/account/passkeys', { ticket: data.ticket, name: deviceName(), response });
    toast('The passkey is added');
    await refresh();
  } catch (error) {
    note.textContent =
      error.name === 'NotAllowedError'
        ? 'No passkey was added.'
        : error.name === 'InvalidStateError'
          ? 'This device has a passkey of this account already.'
          : error.message;
    note.hidden = false;
  } finally {
    add.removeAttribute('aria-busy');
  }
}

/** What a passkey of this device is called at first. */
function deviceName() {
  const systems = ['Android', 'iPhone', 'iPad', 'Macintosh', 'Windows', 'Linux'];
  const system = systems.find((name) => navigator.userAgent.includes(name)) ?? 'browser';
  return `${system}, ${new Date().toISOString().slice(0, 10)}`;
}
