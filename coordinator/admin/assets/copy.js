// `data-copy` on a button copies the text of the element that the attribute selects, or of the <code> beside the button.
document.addEventListener('click', async (event) => {
  const button = event.target.closest?.('[data-copy]');
  if (!button) return;
  const from = button.dataset.copy
    ? document.querySelector(button.dataset.copy)
    : button.parentElement.querySelector('code');
  const label = button.querySelector('span') ?? button;
  const before = label.textContent;
  label.textContent = (await copyText(from)) ? 'Copied' : 'Press Ctrl+C';
  setTimeout(() => {
    label.textContent = before;
  }, 2000);
});

async function copyText(element) {
  try {
    await navigator.clipboard.writeText(element.textContent);
    return true;
  } catch {
    // No clipboard outside of HTTPS and localhost (Secure Contexts): select it, and copy as of old.
    const range = document.createRange();
    range.selectNodeContents(element);
    getSelection().removeAllRanges();
    getSelection().addRange(range);
    return document.execCommand('copy');
  }
}
