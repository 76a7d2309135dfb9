const READERS = {
  list: (text) => text.split(/[\s,]+/).filter(Boolean),
  number: (text) => (text.trim() === '' ? null : Number(text)),
  date: (text) => (text === '' ? null : new Date(text).toISOString()),
  null: (text) => (text.trim() === '' ? null : text.trim()),
};

/**
 * What a form holds as JSON: a name `dns.zone` leads into an object, a check box is a boolean (or, with a value of its own, an
 * item of a list), `data-reads` tells how a text is meant. What is disabled is left out.
 */
export function formData(form) {
  const data = {};
  for (const field of form.elements) {
    if (!field.name || field.disabled || field.closest('fieldset[disabled]')) continue;
    const path = field.name.split('.');
    const last = path.pop();
    let at = data;
    for (const step of path) at = at[step] ??= {};
    if (field.type === 'checkbox' && field.hasAttribute('value')) {
      at[last] ??= [];
      if (field.checked) at[last].push(field.value);
    } else if (field.type === 'checkbox') at[last] = field.checked;
    else if (field.type === 'radio') {
      if (field.checked) at[last] = field.value;
    } else at[last] = (READERS[field.dataset.reads] ?? ((text) => text))(field.value);
  }
  return data;
}
