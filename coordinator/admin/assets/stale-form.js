// What becomes of a form whose state is no more: somebody else saved something since the page showed it.
import { api } from './api.js';
import { showErrors } from './form-errors.js';

/**
 * The entity tag to send a form with once more, when nothing that the form shows was changed. Else null, and the person is told in
 * words what was: what they did not touch is shown as it is now, and saving again replaces the rest. `path`: of what it is about.
 */
export async function newerState(form, path) {
  const { data, etag } = await api('GET', path);
  const told = [];
  for (const field of form.elements) {
    const [before, now] = [shownBefore(field), shownNow(field, data)];
    if (now === undefined || now === before) continue;
    told.push(`“${labelOf(form, field)}” was ${spoken(field, before)} and is ${spoken(field, now)} now`);
    showAsBefore(field, now);
  }
  if (told.length === 0) return etag;
  form.dataset.ifMatch = etag;
  showErrors(form, {
    errors: [],
    message: `Somebody else changed this meanwhile, and nothing was saved: ${told.join('; ')}. Save again to replace that by what stands here. `,
  });
  offerToLoad(form);
  return null;
}

/** A button behind what was told, that has the form show what is there now. */
function offerToLoad(form) {
  const note = form.querySelector('.form-error');
  const load = document.createElement('button');
  load.type = 'button';
  load.className = 'small';
  load.textContent = 'Show what is there now';
  load.addEventListener('click', () => {
    form.reset();
    note.remove();
    form.querySelector('input:not([type=hidden]), select, textarea')?.focus();
  });
  note.append(load);
  load.focus();
}

const isCheck = (field) => field.type === 'checkbox';
const chosen = (field) => [...field.options].find((option) => option.defaultSelected) ?? field.options[0];

/** What a field showed before anybody touched it; undefined for what is no field. */
function shownBefore(field) {
  if (isCheck(field)) return field.defaultChecked;
  return field.options ? chosen(field)?.value : field.defaultValue;
}

/** How a field would show what is there now: the other way round of form-data.js. Undefined for what is not known. */
function shownNow(field, data) {
  if (!field.name) return undefined;
  const value = field.name.split('.').reduce((at, step) => at?.[step], data);
  if (value === undefined) return undefined;
  if (isCheck(field)) return value;
  if (field.dataset.reads === 'list') return value.join(', ');
  if (field.dataset.reads === 'date') return value === null ? '' : value.slice(0, 10);
  return value === null ? '' : String(value);
}

/** Makes that the field's state of before. One that a person touched goes on showing what they want. */
function showAsBefore(field, now) {
  if (isCheck(field)) {
    const isTouched = field.checked !== field.defaultChecked;
    const wanted = field.checked;
    field.defaultChecked = now;
    field.checked = isTouched ? wanted : now;
  } else if (field.options) {
    const isTouched = field.value !== chosen(field)?.value;
    const wanted = field.value;
    for (const option of field.options) option.defaultSelected = option.value === now;
    field.value = isTouched ? wanted : now;
  } else {
    const isTouched = field.value !== field.defaultValue;
    const wanted = field.value;
    field.defaultValue = now;
    field.value = isTouched ? wanted : now;
  }
}

function spoken(field, value) {
  if (isCheck(field)) return value ? 'on' : 'off';
  const text = field.options ? [...field.options].find((option) => option.value === value)?.text : value;
  return text ? `“${text}”` : 'empty';
}

function labelOf(form, field) {
  const label = form.querySelector(`label[for="${CSS.escape(field.id)}"]`);
  return (label?.firstChild?.textContent ?? field.name).trim();
}
