import { html } from 'hono/html';
import type { PolicyRecord } from '../../store/contract/policies.ts';
import { type Actor, includesRole } from '../actor.ts';
import { layout } from './layout.ts';
import { badge } from './parts/badge.ts';
import { emptyState } from './parts/empty-state.ts';
import type { Fragment } from './parts/fragment.ts';
import { pageHead } from './parts/page-head.ts';
import { relativeTime } from './parts/time.ts';
import { policyHead } from './policy-head.ts';

/** All policies there were, the newest first. */
export function policyVersionsPage(actor: Actor, policies: readonly PolicyRecord[], now: number): Fragment {
  return layout({
    title: 'Versions of the policy',
    actor,
    section: '/policy',
    body: html`${policyHead('/policy/versions')}
      <div id="policy-versions" data-live="/policy/versions/list">${policyVersionsList(policies, now)}</div>`,
  });
}

/** The part that follows changes. */
export function policyVersionsList(policies: readonly PolicyRecord[], now: number): Fragment {
  if (policies.length === 0) {
    return emptyState({
      icon: 'policy',
      title: 'There was no policy yet',
      text: html`The first that you <a href="/policy">save</a> is version 1. Every one is kept, with who and when.`,
    });
  }
  return html`<div class="card flush"><div class="table-wrap"><table class="cards">
      <thead><tr><th scope="col">Version</th><th scope="col">When</th><th scope="col">Who</th><th scope="col">From</th></tr></thead>
      <tbody>${policies.map(
        (
          { version, createdAt, actor, source, restoredFrom },
          index,
        ) => html`<tr data-key="version-${version}">
          <th scope="row"><a class="row-name" href="/policy/versions/${version}">Version ${version}</a>
            ${index === 0 ? badge('in force', 'good') : ''}${
              restoredFrom === null ? '' : badge(`that of ${restoredFrom}`)
            }</th>
          <td data-label="When">${relativeTime(createdAt, now)}</td>
          <td data-label="Who">${actor}</td>
          <td data-label="From">${source}</td>
        </tr>`,
      )}</tbody>
    </table></div></div>`;
}

/** One version, and what it differs in from another: the one before it, or the one that counts. */
export function policyVersionPage(
  actor: Actor,
  shown: PolicyRecord,
  against: { record: PolicyRecord | null; isCurrent: boolean },
  current: PolicyRecord,
  now: number,
): Fragment {
  const { version } = shown;
  const isInForce = version === current.version;
  const other = against.record;
  const link = (compare: string, name: string, isThis: boolean) =>
    html`<li><a href="/policy/versions/${version}?against=${compare}"${isThis ? html` aria-current="page"` : ''}>${name}</a></li>`;
  return layout({
    title: `Version ${version} of the policy`,
    actor,
    section: '/policy',
    scripts: ['policy-version.js'],
    body: html`${pageHead({
      title: html`Version ${version} ${isInForce ? badge('in force', 'good') : ''}`,
      about: html`By ${shown.actor} from ${shown.source}, ${relativeTime(shown.createdAt, now)}${
        shown.restoredFrom === null ? '' : `, that of version ${shown.restoredFrom}`
      }.`,
      up: { path: '/policy/versions', name: 'Versions' },
      actions:
        isInForce || !includesRole(actor.role, 'admin')
          ? ''
          : html`<button type="button" class="primary" data-action="POST /policy/versions/${version}/restore"
              data-confirm="Restore version ${version}?" data-safe data-confirm-button="Restore it" data-go-to="/policy"
              data-confirm-text="Its document becomes the policy, as a new version, within a second. The one that counts now stays in the list.">Restore</button>`,
    })}
      <nav aria-label="Compared with"><ul class="tabs">
        ${link('before', 'What it changed', !against.isCurrent)}
        ${isInForce ? '' : link('current', 'Against the one in force', against.isCurrent)}
      </ul></nav>
      <p class="quiet">${
        other === null
          ? 'It was the first.'
          : `Green is in version ${version} and not in version ${other.version}; red the other way round.`
      }</p>
      <div class="policy-difference" id="policy-difference"></div>
      <textarea id="policy-before" hidden aria-hidden="true">
${other?.document ?? ''}</textarea>
      <textarea id="policy-after" hidden aria-hidden="true">
${shown.document}</textarea>`,
  });
}
