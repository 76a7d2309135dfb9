import { html } from 'hono/html';
import type { Fragment } from './fragment.ts';

/** A button that changes something through the HTTP API. */
export interface Action {
  label: string;
  /** Said by screen readers after the label, where several buttons of a page have the same. */
  of?: string;
  /** `DELETE /machines/ID`: a method, and a path under /api/v1. */
  request: string;
  body?: unknown;
  tone?: 'primary' | 'danger' | 'danger-quiet' | '';
  small?: boolean;
  /** What is asked before. `safe`: it can be undone. `typed`: a word that has to be typed first. */
  confirm?: { title: string; text: string; button: string; safe?: boolean; typed?: string };
  /** The entity tag of the state that `body` was made of. */
  ifMatch?: string;
  /** What is said afterwards. */
  done?: string;
  /** Where the browser goes afterwards. */
  goTo?: string;
}

export function actionButton(action: Action): Fragment {
  const { confirm } = action;
  const classes = [action.tone ?? '', action.small ? 'small' : ''].filter(Boolean).join(' ');
  return html`<button type="button" class="${classes}" data-action="${action.request}"${optional('body', action.body === undefined ? undefined : JSON.stringify(action.body))}${optional('if-match', action.ifMatch)}${optional('done', action.done)}${optional('go-to', action.goTo)}${
    confirm === undefined
      ? ''
      : html`${optional('confirm', confirm.title)}${optional('confirm-text', confirm.text)}${optional('confirm-button', confirm.button)}${optional('typed', confirm.typed)}${confirm.safe ? html` data-safe` : ''}`
  }>${action.label}${action.of === undefined ? '' : html`<span class="hidden"> ${action.of}</span>`}</button>`;
}

function optional(name: string, value: string | undefined): Fragment | '' {
  return value === undefined ? '' : html` data-${name}="${value}"`;
}
