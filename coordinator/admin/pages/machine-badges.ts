import { html } from 'hono/html';
import { isExpired } from '../../network/joining.ts';
import { standingOf } from '../../network/standing.ts';
import type { NodeRecord } from '../../store/contract/nodes.ts';
import { badge, presence } from './parts/badge.ts';
import type { Fragment } from './parts/fragment.ts';
import { relativeTime } from './parts/time.ts';

/** Whether a machine is connected, or since when it is not. */
export function machinePresence(node: NodeRecord, now: number): Fragment {
  // Nobody hears from what runs no agent.
  if (node.device !== null) return badge('plain WireGuard', 'info');
  if (node.online) return presence(true, 'Connected');
  return presence(false, node.lastSeenAt === 0 ? 'Never seen' : relativeTime(node.lastSeenAt, now));
}

/** What is special about a machine's standing; nothing for a member like any other. */
export function standingBadges(node: NodeRecord, now: number): Fragment {
  const standing = standingOf(node);
  return html`${standing === 'unapproved' ? badge('waits for approval', 'warn') : ''}${
    standing === 'disabled' ? badge('disabled', 'bad') : ''
  }${isExpired(node.keyExpiresAt, now) ? badge('key expired', 'bad') : ''}${
    node.ephemeral ? badge('ephemeral', 'info') : ''
  }`;
}

/** Whose it is: a user's, or what its tags say. */
export function ownership(node: NodeRecord): Fragment {
  return html`${node.owner === '' ? '' : html`<span class="quiet">${node.owner}</span>`}${node.tags.map((tag) => badge(tag))}`;
}
