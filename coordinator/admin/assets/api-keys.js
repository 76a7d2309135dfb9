// Shows an API key that was just made, once.
import { refresh } from './live.js';

const form = document.getElementById('new-key');
const made = document.getElementById('made');

form?.addEventListener('warren:done', (event) => {
  const content = document.getElementById('made-key').content.cloneNode(true);
  content.querySelector('[data-secret]').textContent = event.detail.data.secret;
  content.querySelector('[data-another]').addEventListener('click', () => {
    made.hidden = true;
    made.replaceChildren();
    form.hidden = false;
    form.elements.namedItem('name').focus();
  });
  made.replaceChildren(content);
  form.hidden = true;
  made.hidden = false;
  made.focus();
  void refresh();
});
