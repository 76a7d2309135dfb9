// Shows a link that was just made, once.
import { refresh } from './live.js';

const form = document.getElementById('invite-form');
const place = document.getElementById('link');

document.addEventListener('warren:done', (event) => {
  const data = event.detail?.data;
  if (!data?.link) return;
  const name = data.user?.name ?? event.target.closest('[data-link-for]')?.dataset.linkFor ?? '';
  const content = document.getElementById('link-template').content.cloneNode(true);
  content.querySelector('[data-name]').textContent = name;
  content.querySelector('[data-link]').textContent = data.link;
  content.querySelector('[data-again]').addEventListener('click', () => {
    place.hidden = true;
    place.replaceChildren();
    form.hidden = false;
  });
  place.replaceChildren(content);
  form.hidden = true;
  place.hidden = false;
  place.scrollIntoView({ block: 'center' });
  place.focus();
  void refresh();
});
