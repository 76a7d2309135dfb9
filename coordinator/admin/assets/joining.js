// Shows a token that was just made, once, and what becomes of it.
import { refresh } from './live.js';

const form = document.getElementById('new-token');
const made = document.getElementById('made');

form?.addEventListener('warren:done', (event) => {
  const { id, token, command } = event.detail.data;
  const content = document.getElementById('made-token').content.cloneNode(true);
  content.querySelector('[data-command]').textContent = command;
  content.querySelector('[data-token]').textContent = token;
  // A machine's command has the token in it.
  for (const part of content.querySelectorAll('[data-relay]')) part.hidden = command.includes(token);
  content.querySelector('[data-state]').dataset.live = `/joining/tokens/${id}`;
  content.querySelector('[data-another]').addEventListener('click', () => {
    made.hidden = true;
    made.replaceChildren();
    form.hidden = false;
    form.elements.namedItem('maxUses').focus();
  });
  made.replaceChildren(content);
  form.hidden = true;
  made.hidden = false;
  made.focus();
  void refresh();
});
