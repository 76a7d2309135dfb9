import { html } from 'hono/html';
import type { SessionRecord } from '../../store/accounts/accounts.ts';
import { actionButton } from './parts/action-button.ts';
import { badge } from './parts/badge.ts';
import type { Fragment } from './parts/fragment.ts';
import { relativeTime } from './parts/time.ts';

const BROWSERS: readonly (readonly [RegExp, string])[] = [
  [/\bEdg\//, 'Edge'],
  [/\bOPR\//, 'Opera'],
  [/\bFirefox\//, 'Firefox'],
  [/\bHeadlessChrome\/|\bChrome\//, 'Chrome'],
  [/\bSafari\//, 'Safari'],
];
const SYSTEMS: readonly (readonly [RegExp, string])[] = [
  [/\bAndroid\b/, 'Android'],
  [/\b(iPhone|iPad)\b/, 'iOS'],
  [/\bMac OS X\b/, 'macOS'],
  [/\bWindows\b/, 'Windows'],
  [/\bLinux\b/, 'Linux'],
];

/** Where an account is signed in. `own`: the session that looks. */
export function sessionList(sessions: readonly SessionRecord[], own: string, now: number): Fragment {
  return html`<div class="table-wrap"><table class="cards">
      <caption class="hidden">Sessions</caption>
      <thead>
        <tr>
          <th scope="col">Browser</th><th scope="col">Address</th><th scope="col">Signed in</th>
          <th scope="col">Last used</th><th scope="col"><span class="hidden">Actions</span></th>
        </tr>
      </thead>
      <tbody>${sessions.map(
        (session) => html`<tr data-key="${session.id}">
          <th scope="row">${browserName(session.userAgent)} ${session.id === own ? badge('this one', 'info') : ''}</th>
          <td data-label="Address"><code>${session.address || 'unknown'}</code></td>
          <td data-label="Signed in">${relativeTime(session.createdAt, now)} <span class="quiet">by ${session.method}</span></td>
          <td data-label="Last used">${relativeTime(session.usedAt, now)}</td>
          <td class="actions">${
            session.id === own
              ? ''
              : actionButton({
                  label: 'End',
                  of: `the session of ${browserName(session.userAgent)}`,
                  request: `DELETE /account/sessions/${session.id}`,
                  tone: 'danger-quiet',
                  small: true,
                  done: 'The session ended',
                })
          }</td>
        </tr>`,
      )}</tbody>
    </table></div>`;
}

/** What a User-Agent says of itself, in two words. */
export function browserName(userAgent: string): string {
  const find = (table: typeof BROWSERS) => table.find(([pattern]) => pattern.test(userAgent))?.[1];
  const [browser, system] = [find(BROWSERS), find(SYSTEMS)];
  if (browser === undefined) return userAgent === '' ? 'Unknown' : userAgent.slice(0, 40);
  return system === undefined ? browser : `${browser} on ${system}`;
}
