import type { Hono } from 'hono';
import { html } from 'hono/html';
import { WarrenError } from '../../../shared/errors.ts';
import { fileNow, type KnownDevice, knownDevices } from '../../devices.ts';
import type { AuditRecord } from '../../store/contract/audit.ts';
import { type Actor, type AdminEnvironment, includesRole } from '../actor.ts';
import type { AdminDependencies } from '../dependencies.ts';
import { fileBadge } from './device-table.ts';
import { givenFile, handOutButtons } from './given-file.ts';
import { layout } from './layout.ts';
import { machineActions } from './machine-actions.ts';
import { machineAudit } from './machine-audit.ts';
import { ownership, standingBadges } from './machine-badges.ts';
import { machineDialogs } from './machine-dialogs.ts';
import { notFound } from './not-found.ts';
import { codeBlock } from './parts/code-block.ts';
import type { Fragment } from './parts/fragment.ts';
import { pageHead } from './parts/page-head.ts';
import { exactTime, relativeTime } from './parts/time.ts';

/** Latest entries of the audit log that the page of a device shows. */
const ENTRIES = 10;

interface Shown {
  actor: Actor;
  device: KnownDevice;
  zone: string;
  /** What it should have now, without its key; null while no agent can be dialled. */
  file: string | null;
  audit: readonly AuditRecord[];
  now: number;
}

/** One device: `/devices/ID`, and the part of it that changes by itself. */
export function registerDevice(app: Hono<AdminEnvironment>, { store, clock }: AdminDependencies): void {
  const shown = async (id: string, actor: Actor): Promise<Shown | null> => {
    const now = clock.wall();
    const device = (await knownDevices(store, now)).find(({ node }) => node.id === id);
    if (device === undefined) return null;
    const file = await fileNow(store, id, now).catch((error: unknown) => {
      if (error instanceof WarrenError && error.code === 'conflict') return null;
      throw error;
    });
    const audit = await store.listAudit({ limit: ENTRIES, target: `(${id})` });
    const { settings } = await store.network();
    return { actor, device, file, audit, now, zone: settings.dns.zone };
  };
  app.get('/devices/:id', async (context) => {
    const page = await shown(context.req.param('id'), context.get('actor'));
    return page === null ? notFound(context, 'There is no such device') : context.html(devicePage(page));
  });
  app.get('/devices/:id/live', async (context) => {
    const page = await shown(context.req.param('id'), context.get('actor'));
    return page === null ? context.notFound() : context.html(live(page));
  });
}

function devicePage(page: Shown): Fragment {
  const { id, name } = page.device.node;
  return layout({
    title: name,
    actor: page.actor,
    section: '/devices',
    scripts: ['devices.js'],
    body: html`<div class="stack">
      ${givenFile()}
      <div id="device" data-live="/devices/${id}/live" data-live-gone="/devices">${live(page)}</div>
    </div>`,
  });
}

function live({ actor, device: { node, outOfDate }, zone, file, audit, now }: Shown): Fragment {
  const mayChange = includesRole(actor.role, 'admin');
  const peers = node.device?.file.peers ?? [];
  return html`${pageHead({
    up: { path: '/devices', name: 'Devices' },
    title: node.name,
    about: html`<span class="badges">${ownership(node)}${standingBadges(node, now)}</span>`,
    actions: mayChange ? machineActions(node, handOutButtons(node)) : '',
  })}
    ${mayChange ? machineDialogs(node, now) : ''}
    <div class="stack">
      ${outOfDate.length === 0 ? '' : reasons(outOfDate)}
      <section class="card" aria-labelledby="in-the-mesh">
        <h2 id="in-the-mesh">In the mesh</h2>
        <dl class="values">
          <dt>Addresses</dt><dd><div class="lines"><code>${node.address4}</code><code>${node.address6}</code></div></dd>
          <dt>Name</dt><dd><code>${node.name}.${zone}</code></dd>
          <dt>Public key</dt><dd><code>${node.publicKey}</code></dd>
          <dt>Member until</dt><dd>${node.keyExpiresAt === 0 ? 'it is removed' : exactTime(node.keyExpiresAt)}</dd>
          <dt>Gateway</dt><dd>${peers.slice(0, 1).map(({ nodeId, name }) => html`<a href="/machines/${nodeId}">${name}</a>`)}</dd>
          <dt>Dials too</dt><dd>${
            peers.length < 2
              ? html`<span class="quiet">nobody</span>`
              : html`<div class="lines">${peers.slice(1).map(({ nodeId, name }) => html`<a href="/machines/${nodeId}">${name}</a>`)}</div>`
          }</dd>
          <dt>File</dt><dd>${fileBadge(outOfDate)} <span class="quiet">handed out ${relativeTime(node.device?.handedOutAt ?? 0, now)}</span></dd>
        </dl>
      </section>
      <section class="card" aria-labelledby="current">
        <h2 id="current">The file of now</h2>
        ${
          file === null
            ? html`<p class="banner bad">No agent can be dialled now: give one a public address, or a forwarded UDP port and --endpoint.</p>`
            : codeBlock(file, 'file')
        }
      </section>
      ${machineAudit(audit, now)}
    </div>`;
}

function reasons(outOfDate: readonly string[]): Fragment {
  return html`<div class="banner warn">
      <p><strong>The file on this device is out of date.</strong> Hand out the one of now, and put it on the device.</p>
      <ul>${outOfDate.map((why) => html`<li>${why}</li>`)}</ul>
    </div>`;
}
