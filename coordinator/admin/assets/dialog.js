// `data-dialog="ID"` opens that dialog, `data-close` inside one closes it. Escape and the focus are the browser's own work.
document.addEventListener('click', (event) => {
  const opener = event.target.closest?.('[data-dialog]');
  if (opener) open(document.getElementById(opener.dataset.dialog));
  if (event.target.closest?.('[data-close]')) event.target.closest('dialog')?.close();
});

/** With the focus in the first field, where there is one, and not at the close button. */
function open(dialog) {
  dialog.showModal();
  const field = dialog.querySelector('input:not([type=hidden]), select, textarea');
  field?.focus();
  field?.select?.();
}

/**
 * Asks before something is done. True when the answer is yes. `text`: what will happen and whether it can be taken back;
 * `button`: the deed as a verb; `typed`: a word to be typed first, for what destroys much.
 */
export function confirmed({ title, text, button, danger = true, typed = '' }) {
  const dialog = document.createElement('dialog');
  dialog.className = 'dialog';
  dialog.setAttribute('role', 'alertdialog');
  dialog.setAttribute('aria-labelledby', 'confirm-title');
  dialog.setAttribute('aria-describedby', 'confirm-text');
  dialog.innerHTML = `<form method="dialog">
      <h2 id="confirm-title"></h2>
      <p id="confirm-text"></p>
      <div class="field" hidden><label for="confirm-typed"></label><input id="confirm-typed" autocomplete="off"></div>
      <div class="dialog-foot">
        <button type="button" value="no">Cancel</button>
        <button type="submit" value="yes"></button>
      </div>
    </form>`;
  const find = (selector) => dialog.querySelector(selector);
  find('h2').textContent = title;
  find('p').textContent = text;
  const yes = find('[value=yes]');
  yes.textContent = button;
  yes.className = danger ? 'danger' : 'primary';
  if (typed) {
    const input = find('input');
    find('.field').hidden = false;
    find('label').textContent = `Type ${typed} to go on`;
    yes.disabled = true;
    input.addEventListener('input', () => {
      yes.disabled = input.value !== typed;
    });
  }
  find('[value=no]').addEventListener('click', () => dialog.close('no'));
  document.body.append(dialog);
  dialog.showModal();
  // Enter must not do what cannot be undone.
  if (danger && !typed) find('[value=no]').focus();
  return new Promise((resolve) => {
    dialog.addEventListener('close', () => {
      dialog.remove();
      resolve(dialog.returnValue === 'yes');
    });
  });
}
