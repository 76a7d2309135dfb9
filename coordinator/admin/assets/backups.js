// Has a backup downloaded, or sends one to be restored: files, and so not JSON.
import { ApiError } from './api.js';
import { confirmIdentity } from './confirmation.js';
import { confirmed } from './dialog.js';
import { clearErrors, showErrors } from './form-errors.js';
import { signInAgain } from './sign-in-again.js';
import { toast } from './toast.js';

const form = document.getElementById('restore-backup');

document.getElementById('download-backup').addEventListener('click', async (event) => {
  event.preventDefault();
  const { href } = event.target;
  try {
    // The answer is a file, and this page stays.
    if (await confirmIdentity()) location.assign(href);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    toast(error.message, 'bad');
  }
});

form.addEventListener('submit', async (event) => {
  event.preventDefault();
  clearErrors(form);
  const [file] = document.getElementById('backup-file').files;
  const sure = await confirmed({
    title: 'Restore this backup?',
    text: `Everything becomes as it was in ${file.name}. What was changed since is lost, and cannot be had back without a backup of now.`,
    button: 'Restore',
    typed: 'restore',
  });
  if (!sure) return;
  form.setAttribute('aria-busy', 'true');
  try {
    if (!(await confirmIdentity())) return;
    const answer = await fetch('/api/v1/backups/restore', {
      method: 'POST',
      headers: { 'Content-Type': 'application/octet-stream' },
      body: file,
      redirect: 'manual',
    });
    if (answer.status === 401 || answer.type === 'opaqueredirect') return signInAgain();
    if (answer.ok) {
      form.reset();
      toast('The backup is good. The coordinator is starting anew from it; then sign in again.');
      await ready();
      location.assign('/settings');
    } else {
      const problem = await answer.json().catch(() => ({}));
      showErrors(form, {
        errors: problem.errors ?? [],
        message: problem.detail ?? `Refused with status ${answer.status}.`,
      });
    }
  } catch (error) {
    const unknown = 'The coordinator does not answer. Look at its log before you try again.';
    showErrors(form, { errors: [], message: error instanceof ApiError ? error.message : unknown });
  } finally {
    form.removeAttribute('aria-busy');
  }
});

/** Until the coordinator that starts anew answers. */
async function ready() {
  do {
    await new Promise((resolve) => setTimeout(resolve, 1000));
  } while (!(await fetch('/readyz').catch(() => null))?.ok);
}
