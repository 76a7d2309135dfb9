import { html } from 'hono/html';
import type { Fragment } from './fragment.ts';

interface Field {
  /** Unique in the page. */
  id: string;
  /** The path in what is sent, `dns.zone` for a value inside an object. */
  name: string;
  label: string;
  hint?: Fragment | string;
  value?: string;
  required?: boolean;
  /** How assets/form-data.js reads it: `list` splits at commas, blanks and lines, `number`, `date`, `null` sends null for nothing. */
  reads?: 'list' | 'number' | 'date' | 'null';
}

/** One line of text. The error that the API names by `name` appears below it. `suggestions` are shown to choose from. */
export function textField(
  field: Field & {
    type?: string;
    placeholder?: string;
    autocomplete?: string;
    pattern?: string;
    suggestions?: readonly string[];
  },
): Fragment {
  const { suggestions = [] } = field;
  const list = suggestions.length === 0 ? '' : html` list="${field.id}-list"`;
  return withLabel(
    field,
    html`<input id="${field.id}" name="${field.name}" type="${field.type ?? 'text'}" value="${field.value ?? ''}"
        ${common(field)} placeholder="${field.placeholder ?? ''}" autocomplete="${field.autocomplete ?? 'off'}"
        autocapitalize="none" spellcheck="false"${list}>${
          list === ''
            ? ''
            : html`<datalist id="${field.id}-list">${suggestions.map((text) => html`<option value="${text}"></option>`)}</datalist>`
        }`,
  );
}

/** Some lines of text. */
export function textArea(field: Field & { rows?: number }): Fragment {
  return withLabel(
    field,
    html`<textarea id="${field.id}" name="${field.name}" rows="${field.rows ?? 3}" ${common(field)}
        autocapitalize="none" spellcheck="false">${field.value ?? ''}</textarea>`,
  );
}

/** One of a few. */
export function selectField(
  field: Field & { options: readonly { value: string; label: string }[] },
): Fragment {
  return withLabel(
    { ...field, required: true },
    html`<select id="${field.id}" name="${field.name}" ${common(field)}>${field.options.map(
      (option) =>
        html`<option value="${option.value}"${option.value === field.value ? html` selected` : ''}>${option.label}</option>`,
    )}</select>`,
  );
}

/** Yes or no, sent as a boolean. */
export function checkBox(field: {
  id: string;
  name: string;
  label: string;
  hint?: Fragment | string;
  checked?: boolean;
}): Fragment {
  return html`<div class="field check">
      <input type="checkbox" id="${field.id}" name="${field.name}"${field.checked ? html` checked` : ''}${
        field.hint === undefined ? '' : html` aria-describedby="${field.id}-hint"`
      }>
      <label for="${field.id}">${field.label}</label>
      ${field.hint === undefined ? '' : html`<p class="hint" id="${field.id}-hint">${field.hint}</p>`}
    </div>`;
}

function withLabel(field: Field, input: Fragment): Fragment {
  return html`<div class="field">
      <label for="${field.id}">${field.label}${field.required ? '' : html` <span class="quiet">(optional)</span>`}</label>
      ${input}
      ${field.hint === undefined ? '' : html`<p class="hint" id="${field.id}-hint">${field.hint}</p>`}
    </div>`;
}

function common(field: Field): Fragment {
  return html`${field.required ? html`required` : ''}${
    field.hint === undefined ? '' : html` aria-describedby="${field.id}-hint"`
  }${field.reads === undefined ? '' : html` data-reads="${field.reads}"`}`;
}
