import type { Hono } from 'hono';
import { html } from 'hono/html';
import type { AuditRecord, NetworkRecord, NodeRecord } from '../../store/store.ts';
import { type Actor, type AdminEnvironment, includesRole } from '../actor.ts';
import type { AdminDependencies } from '../dependencies.ts';
import { layout } from './layout.ts';
import { machineActions, machineDialogs } from './machine-actions.ts';
import { machineAudit } from './machine-audit.ts';
import { machinePresence, ownership, standingBadges } from './machine-badges.ts';
import { machineFacts } from './machine-facts.ts';
import { machineGrants } from './machine-grants.ts';
import { notFound } from './not-found.ts';
import type { Fragment } from './parts/fragment.ts';
import { pageHead } from './parts/page-head.ts';

/** Latest entries of the audit log that one machine's page shows. */
const ENTRIES = 10;

interface Shown {
  actor: Actor;
  node: NodeRecord;
  network: NetworkRecord;
  audit: readonly AuditRecord[];
  now: number;
}

/** One machine: `/machines/ID`, and the part of it that changes by itself. */
export function registerMachine(app: Hono<AdminEnvironment>, { store, clock }: AdminDependencies): void {
  const shown = async (id: string, actor: Actor): Promise<Shown | null> => {
    const node = await store.node(id);
    if (node === null) return null;
    const audit = await store.listAudit({ limit: ENTRIES, target: `(${node.id})` });
    return { actor, node, network: await store.network(), audit, now: clock.wall() };
  };
  app.get('/machines/:id', async (context) => {
    const page = await shown(context.req.param('id'), context.get('actor'));
    return page === null ? notFound(context, 'There is no such machine') : context.html(machinePage(page));
  });
  app.get('/machines/:id/live', async (context) => {
    const page = await shown(context.req.param('id'), context.get('actor'));
    return page === null ? context.notFound() : context.html(live(page));
  });
}

function machinePage(page: Shown): Fragment {
  const { id, name } = page.node;
  return layout({
    title: name,
    actor: page.actor,
    section: '/',
    body: html`<div id="machine" data-live="/machines/${id}/live" data-live-gone="/">${live(page)}</div>`,
  });
}

function live({ actor, node, network, audit, now }: Shown): Fragment {
  const mayChange = includesRole(actor.role, 'admin');
  return html`${pageHead({
    up: { path: '/', name: 'Machines' },
    title: node.name,
    about: html`<span class="badges">${machinePresence(node, now)}${ownership(node)}${standingBadges(node, now)}</span>`,
    actions: mayChange ? machineActions(node) : '',
  })}
    ${mayChange ? machineDialogs(node, now) : ''}
    <div class="stack">
      ${machineFacts(node, network, now)}
      ${machineGrants(node, mayChange)}
      ${machineAudit(audit, now)}
    </div>`;
}
