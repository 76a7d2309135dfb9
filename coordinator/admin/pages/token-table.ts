import { html } from 'hono/html';
import { type TokenState, tokenState } from '../../enrolment.ts';
import type { NodeRecord } from '../../store/contract/nodes.ts';
import type { TokenRecord } from '../../store/contract/tokens.ts';
import type { Joined } from './joined-machines.ts';
import { actionButton } from './parts/action-button.ts';
import { badge, type Tone } from './parts/badge.ts';
import type { Fragment } from './parts/fragment.ts';
import { relativeTime } from './parts/time.ts';

/** So many of the latest. */
const SHOWN = 200;
const ENDED_SHOWN = 50;
const STATES: Readonly<Record<TokenState, { label: string; tone: Tone }>> = {
  good: { label: 'waiting', tone: 'good' },
  used: { label: 'used', tone: 'neutral' },
  expired: { label: 'expired', tone: 'neutral' },
  revoked: { label: 'revoked', tone: 'bad' },
};

/** All tokens: those that still admit somebody, and below them those that are over. */
export function tokenTable(
  tokens: readonly TokenRecord[],
  joined: ReadonlyMap<string, readonly Joined[]>,
  members: ReadonlyMap<string, NodeRecord>,
  mayChange: boolean,
  now: number,
): Fragment {
  const newest = [...tokens].sort((a, b) => b.createdAt - a.createdAt);
  const good = newest.filter((token) => tokenState(token, now) === 'good');
  const ended = newest.filter((token) => tokenState(token, now) !== 'good').slice(0, ENDED_SHOWN);
  const rows = (of: readonly TokenRecord[]) =>
    of.map((token) => row(token, joined.get(token.id) ?? [], members, mayChange, now));
  return html`${
    good.length === 0
      ? html`<p class="note quiet">No token admits anybody now. ${
          mayChange
            ? 'Make one above: it is shown once, with the command to run.'
            : 'An administrator can make one.'
        }</p>`
      : html`${table('Tokens that admit machines', rows(good.slice(0, SHOWN)))}${
          good.length > SHOWN ? html`<p class="note quiet">and ${good.length - SHOWN} older ones</p>` : ''
        }`
  }
    ${
      ended.length === 0
        ? ''
        : html`<details class="ended" id="ended-tokens">
      <summary>${ended.length} used, expired or revoked</summary>
      ${table('Tokens that are over', rows(ended))}
    </details>`
    }`;
}

function table(caption: string, rows: readonly Fragment[]): Fragment {
  return html`<div class="table-wrap"><table class="cards">
      <caption class="hidden">${caption}</caption>
      <thead>
        <tr>
          <th scope="col">Token</th><th scope="col">State</th><th scope="col">Joined</th><th scope="col">Gives</th>
          <th scope="col">Made</th><th scope="col">Expires</th><th scope="col"><span class="hidden">Actions</span></th>
        </tr>
      </thead>
      <tbody>${rows}</tbody>
    </table></div>`;
}

function row(
  token: TokenRecord,
  joined: readonly Joined[],
  members: ReadonlyMap<string, NodeRecord>,
  mayChange: boolean,
  now: number,
): Fragment {
  const state = tokenState(token, now);
  const { label, tone } = STATES[state];
  const name = token.description === '' ? token.id : token.description;
  return html`<tr data-key="${token.id}">
      <th scope="row">${token.description === '' ? html`<code>${token.id}</code>` : html`<span class="row-name">${token.description}</span><br><code class="quiet">${token.id}</code>`}</th>
      <td data-label="State">${badge(label, tone)}</td>
      <td data-label="Joined">${token.uses}${token.maxUses === null ? '' : ` of ${token.maxUses}`}${joined
        .slice(0, 4)
        .map((one) => html`<br>${machineName(one, members)}`)}</td>
      <td data-label="Gives"${
        token.purpose === 'node' && token.tags.length === 0 && !token.ephemeral && !token.approval
          ? html` class="blank"`
          : ''
      }><div class="badges">${token.purpose === 'relay' ? badge('relay', 'info') : ''}${token.tags.map((tag) => badge(tag))}${
        token.ephemeral ? badge('ephemeral', 'info') : ''
      }${token.approval ? badge('needs approval', 'warn') : ''}</div></td>
      <td data-label="Made">${relativeTime(token.createdAt, now)} <span class="quiet">${token.createdBy.replace(/^admin:/, '')}</span></td>
      <td data-label="Expires" class="nowrap">${relativeTime(token.expiresAt, now)}</td>
      <td class="actions">${
        mayChange && state === 'good'
          ? actionButton({
              label: 'Revoke',
              of: name,
              request: `DELETE /tokens/${token.id}`,
              tone: 'danger-quiet',
              small: true,
              confirm: {
                title: 'Revoke this token?',
                text: 'Nobody can join with it any more. Machines that have joined stay. This cannot be undone; you can make another token.',
                button: 'Revoke',
              },
              done: 'The token is revoked',
            })
          : ''
      }</td>
    </tr>`;
}

/** Under its name of today, if it is still a member. */
function machineName({ nodeId, name }: Joined, members: ReadonlyMap<string, NodeRecord>): Fragment {
  const member = members.get(nodeId);
  if (member === undefined) return html`<span class="quiet">${name} (removed)</span>`;
  return html`<a href="/machines/${nodeId}">${member.name}</a>`;
}
