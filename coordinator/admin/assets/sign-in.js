// The sign-in page's button for passkeys, where the browser has them.
import { browserSupportsWebAuthn, startAuthentication } from '@simplewebauthn/browser';

const part = document.getElementById('passkey');
const button = document.getElementById('use-passkey');
const note = document.getElementById('passkey-error');

if (part && browserSupportsWebAuthn()) {
  part.hidden = false;
  button.addEventListener('click', () => void signIn());
}

async function signIn() {
  if (button.getAttribute('aria-busy') === 'true') return;
  button.setAttribute('aria-busy', 'true');
  note.hidden = true;
  try {
    const { options, ticket } = await post('/sign-in/passkey/options', {});
    const response = await startAuthentication({ optionsJSON: options });
    const back = part.dataset.return + (part.dataset.return.includes('#') ? '' : location.hash);
    const { location: next } = await post('/sign-in/passkey', { ticket, response, return: back });
    location.assign(next);
  } catch (error) {
    note.textContent = error.name === 'NotAllowedError' ? 'No passkey was used.' : error.message;
    note.hidden = false;
  } finally {
    button.removeAttribute('aria-busy');
  }
}

async function post(path, body) {
  const answer = await fetch(path, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', Accept: 'application/json' },
    body: JSON.stringify(body),
  });
  const said = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(said.detail ?? 'Signing in did not work. Try again.');
  return said;
}
