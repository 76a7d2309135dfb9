import { html } from 'hono/html';
import type { TokenState } from '../../enrolment.ts';
import type { NodeRecord, TokenRecord } from '../../store/store.ts';
import { machinePresence, standingBadges } from './machine-badges.ts';
import { actionButton } from './parts/action-button.ts';
import type { Fragment } from './parts/fragment.ts';
import { relativeTime } from './parts/time.ts';

/** What became of a token so far: waiting, or who joined. */
export function joiningState(
  token: TokenRecord,
  state: TokenState,
  nodes: readonly NodeRecord[],
  now: number,
): Fragment {
  return html`${nodes.map(
    (node) => html`<p class="cluster" data-key="${node.id}">
      <a class="row-name" href="/machines/${node.id}">${node.name}</a> has joined
      <code>${node.address4}</code> ${machinePresence(node, now)} ${standingBadges(node, now)}
      ${
        node.approved
          ? ''
          : actionButton({
              label: 'Approve',
              of: node.name,
              request: `PATCH /machines/${node.id}`,
              body: { approved: true },
              tone: 'primary',
              small: true,
              done: `${node.name} is a member now`,
            })
      }
    </p>`,
  )}${
    state === 'good'
      ? html`<p class="quiet" data-key="waiting"><span class="pulse" aria-hidden="true"></span> ${
          nodes.length === 0 ? 'Waiting for the machine to join' : `${token.uses} joined; others can follow`
        }. The token ends ${relativeTime(token.expiresAt, now)}.</p>`
      : ''
  }${state === 'expired' && nodes.length === 0 ? html`<p>The token has expired, and nobody joined with it.</p>` : ''}`;
}
