import type { Hono } from 'hono';
import { html } from 'hono/html';
import type { NetworkRecord } from '../../store/contract/network.ts';
import type { NodeRecord } from '../../store/contract/nodes.ts';
import { type Actor, type AdminEnvironment, includesRole } from '../actor.ts';
import { moduleStyleSheet } from '../browser-modules.ts';
import type { AdminDependencies } from '../dependencies.ts';
import { layout } from './layout.ts';
import { machineActions } from './machine-actions.ts';
import { machineAudit } from './machine-audit.ts';
import { machinePresence, ownership, standingBadges } from './machine-badges.ts';
import { machineDialogs } from './machine-dialogs.ts';
import { machineFacts } from './machine-facts.ts';
import { machineGrants } from './machine-grants.ts';
import { machineCharts, machineHistory } from './machine-history.ts';
import { machinePaths } from './machine-paths.ts';
import { notFound } from './not-found.ts';
import type { Fragment } from './parts/fragment.ts';
import { pageHead } from './parts/page-head.ts';

/** Latest entries of the audit log that one machine's page shows. */
const ENTRIES = 10;

interface Shown {
  actor: Actor;
  node: NodeRecord;
  network: NetworkRecord;
  now: number;
}

/** One machine: `/machines/ID`, and the parts of it that change by themselves. */
export function registerMachine(app: Hono<AdminEnvironment>, dependencies: AdminDependencies): void {
  const { store, clock, mesh } = dependencies;
  const part = (name: string, render: (shown: Shown) => Fragment | Promise<Fragment>) =>
    app.get(`/machines/:id${name}`, async (context) => {
      const node = await store.node(context.req.param('id'));
      if (node === null) return notFound(context, 'There is no such machine');
      const actor = context.get('actor');
      return context.html(await render({ actor, node, network: await store.network(), now: clock.wall() }));
    });
  const paths = ({ node, now }: Shown) => {
    mesh.telemetry.glance([node.id]);
    return machinePaths(node, mesh.nodes, mesh.telemetry, { now, monotonic: clock.monotonic() });
  };
  const changes = async ({ node, now }: Shown) =>
    machineAudit(await store.listAudit({ limit: ENTRIES, target: `(${node.id})` }), now);
  const history = ({ node, now }: Shown) => machineHistory(node.id, mesh, now);
  part('', async (shown) => machinePage(shown, paths(shown), history(shown), await changes(shown)));
  part('/live', machineHead);
  part('/paths', paths);
  part('/history', history);
  part('/changes', changes);
}

function machinePage(shown: Shown, paths: Fragment, history: Fragment, changes: Fragment): Fragment {
  const { id, name } = shown.node;
  return layout({
    title: name,
    actor: shown.actor,
    section: '/',
    scripts: ['paths-live.js', 'machine-charts.js'],
    styles: [moduleStyleSheet('uplot'), '/assets/map.css'],
    body: html`<div class="stack">
      <div data-live="/machines/${id}/live" data-live-gone="/">${machineHead(shown)}</div>
      <div data-live="/machines/${id}/paths" data-live-on="changed paths">${paths}</div>
      ${machineCharts(id)}
      <div data-live="/machines/${id}/history" data-live-on="paths">${history}</div>
      <div data-live="/machines/${id}/changes">${changes}</div>
    </div>`,
  });
}

/** What is known of it, what it offers, and what can be done to it. */
function machineHead({ actor, node, network, now }: Shown): Fragment {
  const mayChange = includesRole(actor.role, 'admin');
  return html`${pageHead({
    up: node.device === null ? { path: '/', name: 'Machines' } : { path: '/devices', name: 'Devices' },
    title: node.name,
    about: html`<span class="badges">${machinePresence(node, now)}${ownership(node)}${standingBadges(node, now)}</span>`,
    actions: mayChange ? machineActions(node) : '',
  })}
    ${mayChange ? machineDialogs(node, now) : ''}
    <div class="stack">
      ${machineFacts(node, network, now)}
      ${machineGrants(node, mayChange)}
    </div>`;
}
