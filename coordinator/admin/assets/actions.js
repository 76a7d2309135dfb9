// Changes without a line of script in the page:
//   <button data-action="DELETE /machines/ID" data-confirm="Remove ada?" data-confirm-text="…" data-confirm-button="Remove">
//   <form data-action="PATCH /machines/ID"> … </form>
// data-body: JSON to send, for a button. data-if-match: the entity tag of what it shows. data-done: what to say then. data-go-to: where to go then.
// data-edits: a form that shows what there is, and so keeps its values.
// data-safe: what is asked about can be undone. data-typed: a word to be typed first.
// After it, `warren:done` bubbles from the element, its detail being what the API answered.
import { ApiError, api } from './api.js';
import { confirmed } from './dialog.js';
import { formData } from './form-data.js';
import { clearErrors, showErrors } from './form-errors.js';
import { leave } from './leave.js';
import { refresh } from './live.js';
import { newerState } from './stale-form.js';
import { toast } from './toast.js';

document.addEventListener('click', (event) => {
  const button = event.target.closest?.('button[data-action]');
  if (button) void act(button, button.dataset.body ? JSON.parse(button.dataset.body) : undefined);
});

document.addEventListener('submit', (event) => {
  const form = event.target;
  if (!form.dataset.action) return;
  event.preventDefault();
  clearErrors(form);
  void act(form, formData(form));
});

async function act(element, body) {
  if (element.getAttribute('aria-busy') === 'true') return;
  const { action, confirm, confirmText, confirmButton, typed, ifMatch, done } = element.dataset;
  if (confirm) {
    const question = { title: confirm, text: confirmText ?? '', button: confirmButton ?? 'Go on', typed };
    if (!(await confirmed({ ...question, danger: !('safe' in element.dataset) }))) return;
  }
  const [method, path] = action.split(' ');
  element.setAttribute('aria-busy', 'true');
  try {
    const answer = await send(element, method, path, body, ifMatch);
    if (answer === null) return;
    element.closest('dialog')?.close();
    if (element instanceof HTMLFormElement) settle(element);
    if (done) toast(done);
    element.dispatchEvent(new CustomEvent('warren:done', { bubbles: true, detail: answer }));
    if (element.dataset.goTo) leave(element.dataset.goTo);
    else await refresh();
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (element instanceof HTMLFormElement) showErrors(element, error);
    else toast([error.message, ...error.errors.map(({ message }) => message)].join(' '), 'bad');
    if (error.status === 404 || error.status === 412) void refresh();
  } finally {
    element.removeAttribute('aria-busy');
  }
}

/** Null: somebody else changed what the form shows, and the person was told. */
async function send(element, method, path, body, ifMatch) {
  for (let tag = ifMatch; ; ) {
    try {
      return await api(method, path, body, { ifMatch: tag });
    } catch (error) {
      const isStale = error instanceof ApiError && error.status === 412;
      if (!isStale || !(element instanceof HTMLFormElement)) throw error;
      tag = await newerState(element, path);
      if (tag === null) return null;
    }
  }
}

/** What was sent is no longer something that a person is in the middle of. */
function settle(form) {
  if (!('edits' in form.dataset)) return form.reset();
  for (const field of form.elements) {
    if ('defaultValue' in field) field.defaultValue = field.value;
    if ('defaultChecked' in field) field.defaultChecked = field.checked;
    for (const option of field.options ?? []) option.defaultSelected = option.selected;
  }
}
