// A form with `data-filter="ID"` shows what it asks for in that live element at once, and keeps it in the page's address; so do
// links with `data-filter-link` in there. `data-filter-path`: where the element comes from.
import { refresh } from './live.js';

const DEBOUNCE = 150;

for (const form of document.querySelectorAll('form[data-filter]')) {
  const target = document.getElementById(form.dataset.filter);
  const path = form.dataset.filterPath;
  let timer;

  const show = (search) => {
    history.replaceState(null, '', location.pathname + search);
    target.dataset.live = path + search;
    void refresh();
  };
  const ask = () => {
    const parameters = new URLSearchParams(location.search);
    for (const [name, value] of new FormData(form)) {
      if (value === '') parameters.delete(name);
      else parameters.set(name, value);
    }
    parameters.delete('page');
    show(parameters.size === 0 ? '' : `?${parameters}`);
  };
  form.addEventListener('input', () => {
    clearTimeout(timer);
    timer = setTimeout(ask, DEBOUNCE);
  });
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    clearTimeout(timer);
    ask();
  });
  target.addEventListener('click', (event) => {
    const link = event.target.closest?.('a[data-filter-link]');
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    clearTimeout(timer);
    const parameters = new URL(link.href).searchParams;
    for (const field of form.elements) if (field.name) field.value = parameters.get(field.name) ?? '';
    show(new URL(link.href).search);
  });
}
