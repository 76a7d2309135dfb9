import { html } from 'hono/html';
import type { PolicyRecord } from '../../store/contract/policies.ts';
import { type Actor, includesRole } from '../actor.ts';
import { layout } from './layout.ts';
import { dialog } from './parts/dialog.ts';
import type { Fragment } from './parts/fragment.ts';
import { relativeTime } from './parts/time.ts';
import { policyHead } from './policy-head.ts';

/** What an editor begins with where there is no policy: what holds without one, said by a rule. */
export const FIRST_POLICY = `{
  // Who may reach what. Everything that no rule grants is denied.
  "groups": {
    // "group:dev": ["alice@example.com"],
  },
  "tagOwners": {
    // "tag:server": ["autogroup:admin"],
  },
  "acls": [
    // Every machine reaches every other, on every port.
    { "action": "accept", "src": ["*"], "dst": ["*:*"] },
  ],
  // What must hold, or this document is refused.
  "tests": [],
}
`;

/** The document that counts, in an editor. */
export function policyPage(actor: Actor, policy: PolicyRecord | null, now: number): Fragment {
  const mayChange = includesRole(actor.role, 'admin');
  return layout({
    title: 'Policy',
    actor,
    section: '/policy',
    scripts: ['policy.js'],
    body: html`${policyHead('/policy')}
      <div id="policy-state" data-live="/policy/state">${policyState(policy, now)}</div>
      <div class="policy-editor" id="policy-editor"${mayChange ? '' : html` data-read-only`}></div>
      <textarea id="policy-first" hidden aria-hidden="true">
${FIRST_POLICY}</textarea>
      <div class="policy-verdict" id="policy-verdict" role="status"></div>
      ${
        mayChange
          ? html`<div class="cluster">
        <button type="button" class="primary" id="policy-review" disabled>Review and save</button>
        <button type="button" id="policy-discard" disabled>Discard the changes</button>
      </div>
      ${dialog({
        id: 'policy-changes',
        title: 'What changes',
        body: html`<p class="quiet">It is in force on all connected machines within a second, and ends connections that it no longer grants.</p>
          <div class="policy-difference" id="policy-difference"></div>
          <p class="form-error" id="policy-error" role="alert" hidden></p>
          <div class="dialog-foot">
            <button type="button" data-close>Back to the editor</button>
            <button type="button" class="primary" id="policy-save">Make it the policy</button>
          </div>`,
      })}`
          : html`<p class="quiet">Your role looks at the policy and does not change it.</p>`
      }`,
  });
}

/** Which version counts, for the part of the page that follows changes. */
export function policyState(policy: PolicyRecord | null, now: number): Fragment {
  if (policy === null) {
    return html`<p class="banner warn" data-version="0">This network has no policy: every machine reaches every other. The editor
        holds one that says the same, to begin with.</p>`;
  }
  return html`<p class="quiet" data-version="${policy.version}">Version ${policy.version}, by ${policy.actor}
      ${relativeTime(policy.createdAt, now)}${
        policy.restoredFrom === null ? '' : `, that of version ${policy.restoredFrom}`
      }.</p>`;
}
