const SHOWN_FOR = 6000;

/** A message at the edge of the page. What failed stays until it is closed. `tone`: good or bad. */
export function toast(text, tone = 'good') {
  const place = document.getElementById('toasts');
  const item = document.createElement('div');
  item.className = `toast ${tone}`;
  const words = document.createElement('span');
  words.textContent = text;
  const close = document.createElement('button');
  close.type = 'button';
  close.className = 'icon-button';
  close.setAttribute('aria-label', 'Close this message');
  close.textContent = '×';
  close.addEventListener('click', () => item.remove());
  item.append(words, close);
  // A dialog is above everything else, the messages too: then they belong in it.
  (document.querySelector('dialog[open] .toasts') ?? place).append(item);
  if (tone === 'good') setTimeout(() => item.remove(), SHOWN_FOR);
}
