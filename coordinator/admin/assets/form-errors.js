/** Takes away what `showErrors` put there. */
export function clearErrors(form) {
  for (const note of form.querySelectorAll('.field-error, .form-error')) note.remove();
  for (const field of form.querySelectorAll('[aria-invalid]')) {
    field.removeAttribute('aria-invalid');
    describe(field, null);
  }
}

/** Says at each field what is wrong with it, the rest above the buttons, and moves the focus to the first. */
export function showErrors(form, error) {
  clearErrors(form);
  const rest = [];
  let first = null;
  for (const { path, message } of error.errors) {
    const field = fieldOf(form, path);
    if (!field) {
      rest.push(path ? `${path}: ${message}` : message);
      continue;
    }
    const note = document.createElement('p');
    note.className = 'field-error';
    note.id = `${field.id}-error`;
    note.textContent = message;
    (field.closest('.field') ?? field.parentElement).append(note);
    field.setAttribute('aria-invalid', 'true');
    describe(field, note.id);
    first ??= field;
  }
  if (!first && rest.length === 0) rest.push(error.message);
  if (rest.length > 0) {
    const note = document.createElement('p');
    note.className = 'form-error';
    note.setAttribute('role', 'alert');
    note.textContent = rest.join(' ');
    const foot = form.querySelector('.dialog-foot, .form-foot');
    if (foot) foot.before(note);
    else form.append(note);
  }
  first?.focus();
}

/** Has a field described by the note, beside its hint, or by the hint alone. */
function describe(field, noteId) {
  const ids = (field.getAttribute('aria-describedby') ?? '')
    .split(' ')
    .filter((id) => id && !id.endsWith('-error'));
  if (noteId) ids.push(noteId);
  if (ids.length > 0) field.setAttribute('aria-describedby', ids.join(' '));
  else field.removeAttribute('aria-describedby');
}

/** `tags.0` and `/tags/0` are about the field `tags`. */
function fieldOf(form, path) {
  const steps = String(path ?? '')
    .replace(/^[/#]+/, '')
    .split(/[./]/);
  for (; steps.length > 0; steps.pop()) {
    const field = form.elements.namedItem(steps.join('.'));
    if (field) return field instanceof RadioNodeList ? field[0] : field;
  }
  return null;
}
