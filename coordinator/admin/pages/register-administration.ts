import type { Context, Hono } from 'hono';
import type { AdminEnvironment } from '../actor.ts';
import type { AdminDependencies } from '../dependencies.ts';
import { AUDIT_PAGE, type AuditQuery, auditFilter, auditPage, auditRows } from './audit.ts';
import { relaysTable, settingsPage } from './settings.ts';

/** The pages of the audit log and of the settings. */
export function registerAdministrationPages(
  app: Hono<AdminEnvironment>,
  { store, clock, backups }: AdminDependencies,
): void {
  const rowsOf = (query: AuditQuery) => store.listAudit({ ...auditFilter(query), limit: AUDIT_PAGE + 1 });
  app.get('/audit', async (context) => {
    const query = queryOf(context);
    return context.html(auditPage(context.get('actor'), query, await rowsOf(query)));
  });
  app.get('/audit/rows', async (context) => {
    const query = queryOf(context);
    return context.html(auditRows(query, await rowsOf(query)));
  });
  app.get('/settings', async (context) => {
    const [{ network, nodes }, relays] = await Promise.all([store.snapshot(), store.listRelays()]);
    const facts = {
      network,
      relays,
      machines: nodes.length,
      hasBackups: backups !== null,
      now: clock.wall(),
    };
    return context.html(settingsPage(context.get('actor'), facts));
  });
  app.get('/settings/relays', async (context) =>
    context.html(relaysTable(context.get('actor'), await store.listRelays(), clock.wall())),
  );
}

function queryOf(context: Context): AuditQuery {
  const text = (name: keyof AuditQuery) => (context.req.query(name) ?? '').trim().slice(0, 256);
  return {
    actor: text('actor'),
    action: text('action'),
    target: text('target'),
    result: text('result'),
    since: text('since'),
    until: text('until'),
    before: text('before'),
  };
}
