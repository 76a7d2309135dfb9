import { html } from 'hono/html';
import { asCalled } from '../../../shared/program-name.ts';
import { VERSION } from '../../../shared/version.ts';
import { isOwnRelayId } from '../../relay/own-relay.ts';
import type { NetworkRecord } from '../../store/contract/network.ts';
import type { RelayRecord } from '../../store/contract/relays.ts';
import { type Actor, includesRole } from '../actor.ts';
import { layout } from './layout.ts';
import { badge } from './parts/badge.ts';
import { codeBlock } from './parts/code-block.ts';
import { emptyState } from './parts/empty-state.ts';
import type { Fragment } from './parts/fragment.ts';
import { pageHead } from './parts/page-head.ts';
import { relativeTime } from './parts/time.ts';

/** What the settings page shows beside the network itself. */
export interface SettingsFacts {
  network: NetworkRecord;
  relays: readonly RelayRecord[];
  /** How many machines have an address. */
  machines: number;
  /** Whether the database is a file, whose copies the coordinator makes itself. */
  hasBackups: boolean;
  now: number;
}

/** What holds for the network as a whole, its relays, and its backups. */
export function settingsPage(actor: Actor, facts: SettingsFacts): Fragment {
  const isOwner = includesRole(actor.role, 'owner');
  return layout({
    title: 'Settings',
    actor,
    section: '/settings',
    scripts: isOwner && facts.hasBackups ? ['backups.js'] : [],
    body: html`${pageHead({ title: 'Settings', about: 'The network as a whole, its relays and its backups.' })}
      <div class="stack">
        ${networkCard(facts)}
        <section class="card flush" aria-labelledby="relays-title">
          <div class="card-head"><h2 id="relays-title">Relays</h2></div>
          <div id="relays" data-live="/settings/relays">${relaysTable(actor, facts.relays, facts.now)}</div>
          <p class="note quiet">Another relay, near to machines that need it, on a host that they reach on TCP port 8443: make a
            <a href="/joining">token for a relay</a>, and run there:</p>
          <div class="note">${codeBlock(asCalled('bin/coordinator relay --data RELAYDIR --url https://HOST:8443 --token FILE'), 'the command')}</div>
        </section>
        ${isOwner ? backupsCard(facts.hasBackups) : ''}
        <p class="quiet">Coordinator ${VERSION}. The same by program: <a href="/api/v1/openapi.json">the API's description</a>.</p>
      </div>`,
  });
}

function networkCard({ network, machines }: SettingsFacts): Fragment {
  const { prefix4, prefix6, settings } = network;
  return html`<section class="card" aria-labelledby="network-title">
      <h2 id="network-title">Network</h2>
      <dl class="values">
        <dt>IPv4 range</dt>
        <dd><code>${prefix4}</code></dd>
        <dt>IPv6 range</dt>
        <dd><code>${prefix6}</code></dd>
        <dt>Addresses in use</dt>
        <dd>${machines}</dd>
        <dt>Zone</dt>
        <dd><code>${settings.dns.zone}</code> <a href="/names">Names</a></dd>
        <dt>Broadcast and multicast</dt>
        <dd>${settings.multicast ? 'passed on to every machine' : 'off'} <a href="/names">Change</a></dd>
        <dt>API keys</dt>
        <dd><a href="/api-keys">Keys for programs</a></dd>
      </dl>
      <p class="quiet">The ranges were chosen when the network was made (<code>serve --network</code>) and stay: machines, routes and
        rules know each other by them. Everything else can change at any time.</p>
    </section>`;
}

/** The part that follows changes. */
export function relaysTable(actor: Actor, relays: readonly RelayRecord[], now: number): Fragment {
  if (relays.length === 0) {
    return emptyState({
      icon: 'map',
      title: 'No relay yet',
      text: 'The coordinator adds itself when it starts.',
    });
  }
  const mayChange = includesRole(actor.role, 'admin');
  return html`<div class="table-wrap"><table class="cards">
      <thead><tr><th scope="col">Name</th><th scope="col">Reached at</th><th scope="col">STUN</th><th scope="col">Last seen</th>${
        mayChange ? html`<th scope="col"><span class="hidden">Actions</span></th>` : ''
      }</tr></thead>
      <tbody>${relays.map((relay) => relayRow(relay, mayChange, now))}</tbody>
    </table></div>`;
}

function relayRow(relay: RelayRecord, mayChange: boolean, now: number): Fragment {
  const isOwn = isOwnRelayId(relay.id);
  return html`<tr data-key="relay-${relay.id}">
      <th scope="row">${relay.name} ${isOwn ? badge('coordinator') : ''}</th>
      <td data-label="Reached at">${relay.urls.map((url) => html`<code>${url}</code> `)}</td>
      <td data-label="STUN">${relay.stunServers.map(({ host, port }) => html`<code>${host}:${port}</code> `)}</td>
      <td data-label="Last seen">${relativeTime(relay.lastSeenAt, now)}</td>
      ${
        mayChange
          ? html`<td class="actions">${
              isOwn
                ? ''
                : html`<button type="button" class="small danger-quiet" data-action="DELETE /relays/${relay.id}"
                data-confirm="Remove the relay ${relay.name}?" data-confirm-button="Remove"
                data-confirm-text="Machines leave it at once and go by another. To come back it needs a new token.">Remove</button>`
            }</td>`
          : ''
      }
    </tr>`;
}

function backupsCard(hasBackups: boolean): Fragment {
  if (!hasBackups) {
    return html`<section class="card" aria-labelledby="backups-title">
        <h2 id="backups-title">Backups</h2>
        <p>This network is kept by PostgreSQL: back it up with <code>pg_dump</code>, as your other databases.</p>
      </section>`;
  }
  return html`<section class="card" aria-labelledby="backups-title">
      <h2 id="backups-title">Backups</h2>
      <p>A backup is the whole database as it is at that moment, the certificate authority's key among it: whoever has the file can act as
        this coordinator. Keep it as you keep passwords.</p>
      <p><a class="button" id="download-backup" href="/api/v1/backups/download" download>Download a backup</a></p>
      <form class="form" id="restore-backup">
        <div class="field">
          <label for="backup-file">Restore from a backup</label>
          <input type="file" id="backup-file" name="file" accept=".db,.sqlite,application/vnd.sqlite3" required>
          <p class="hint">Machines, tokens, policy and accounts become those of the backup; what changed since then is lost. Agents that
            joined later have to join again.</p>
        </div>
        <div class="form-foot"><button type="submit" class="danger">Restore</button></div>
      </form>
    </section>`;
}
