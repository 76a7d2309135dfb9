import type { Hono } from 'hono';
import type { PolicyRecord } from '../../store/contract/policies.ts';
import type { AdminEnvironment } from '../actor.ts';
import type { AdminDependencies } from '../dependencies.ts';
import { policyPage, policyState } from './policy.ts';
import { policyAccessPage } from './policy-access.ts';
import { policyVersionPage, policyVersionsList, policyVersionsPage } from './policy-versions.ts';

/** The pages of the policy. */
export function registerPolicyPages(app: Hono<AdminEnvironment>, { store, clock }: AdminDependencies): void {
  app.get('/policy', async (context) =>
    context.html(policyPage(context.get('actor'), await store.policy(), clock.wall())),
  );
  app.get('/policy/state', async (context) => context.html(policyState(await store.policy(), clock.wall())));
  app.get('/policy/access', async (context) => {
    const names = (await store.listNodes()).map(({ name }) => name).sort();
    return context.html(policyAccessPage(context.get('actor'), names));
  });
  app.get('/policy/versions', async (context) =>
    context.html(policyVersionsPage(context.get('actor'), await store.listPolicies(), clock.wall())),
  );
  app.get('/policy/versions/list', async (context) =>
    context.html(policyVersionsList(await store.listPolicies(), clock.wall())),
  );
  app.get('/policy/versions/:version{[1-9][0-9]{0,8}}', async (context) => {
    const version = Number(context.req.param('version'));
    const [shown, current] = await Promise.all([store.policy(version), store.policy()]);
    if (shown === null || current === null) return context.notFound();
    const isCurrent = context.req.query('against') === 'current' && version !== current.version;
    const record: PolicyRecord | null = isCurrent
      ? current
      : version > 1
        ? await store.policy(version - 1)
        : null;
    return context.html(
      policyVersionPage(context.get('actor'), shown, { record, isCurrent }, current, clock.wall()),
    );
  });
}
