import { html } from 'hono/html';
import type { TokenState } from '../../enrolment.ts';
import type { NodeRecord } from '../../store/contract/nodes.ts';
import type { TokenRecord } from '../../store/contract/tokens.ts';
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
    token.purpose === 'relay' && token.uses > 0
      ? html`<p data-key="relay">The relay has joined. <a href="/settings">Relays</a></p>`
      : ''
  }${
    state === 'good'
      ? html`<p class="quiet" data-key="waiting"><span class="pulse" aria-hidden="true"></span> ${waiting(
          token,
        )}. The token ends ${relativeTime(token.expiresAt, now)}.</p>`
      : ''
  }${state === 'expired' && token.uses === 0 ? html`<p>The token has expired, and nobody joined with it.</p>` : ''}`;
}

function waiting({ uses, purpose }: TokenRecord): string {
  if (uses > 0) return `${uses} joined; others can follow`;
  return purpose === 'relay' ? 'Waiting for the relay to join' : 'Waiting for the machine to join';
}
