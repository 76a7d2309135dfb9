import type { Hono } from 'hono';
import { html } from 'hono/html';
import { tokenState } from '../../enrolment.ts';
import type { NodeRecord } from '../../store/contract/nodes.ts';
import type { TokenRecord } from '../../store/contract/tokens.ts';
import { type Actor, type AdminEnvironment, includesRole } from '../actor.ts';
import type { AdminDependencies } from '../dependencies.ts';
import { joinedMachines } from './joined-machines.ts';
import { joiningState } from './joining-state.ts';
import { layout } from './layout.ts';
import { newToken } from './new-token.ts';
import { notFound } from './not-found.ts';
import type { Fragment } from './parts/fragment.ts';
import { pageHead } from './parts/page-head.ts';
import { tokenTable } from './token-table.ts';

/** So far back the page looks for who joined with a token. */
const JOINS = 500;

/** Tokens: made, handed out, used and revoked: `/joining`. */
export function registerJoining(app: Hono<AdminEnvironment>, { store, clock }: AdminDependencies): void {
  const tokens = async (actor: Actor): Promise<Fragment> => {
    const joined = joinedMachines(await store.listAudit({ limit: JOINS, action: 'node.join' }));
    const members = new Map((await store.listNodes()).map((node) => [node.id, node]));
    const mayChange = includesRole(actor.role, 'admin');
    return tokenTable(await store.listTokens(), joined, members, mayChange, clock.wall());
  };
  app.get('/joining', async (context) => {
    const actor = context.get('actor');
    return context.html(joiningPage(actor, await tokens(actor)));
  });
  app.get('/joining/tokens', async (context) => context.html(await tokens(context.get('actor'))));
  app.get('/joining/tokens/:id', async (context) => {
    const id = context.req.param('id');
    const token = (await store.listTokens()).find((known) => known.id === id);
    if (token === undefined) return notFound(context, 'There is no such token');
    const joins = joinedMachines(await store.listAudit({ limit: JOINS, action: 'node.join' })).get(id) ?? [];
    const nodes = await Promise.all(joins.map(({ nodeId }) => store.node(nodeId)));
    const now = clock.wall();
    return context.html(
      joiningState(
        token as TokenRecord,
        tokenState(token, now),
        nodes.filter((node): node is NodeRecord => node !== null),
        now,
      ),
    );
  });
}

function joiningPage(actor: Actor, tokens: Fragment): Fragment {
  return layout({
    title: 'Joining',
    actor,
    section: '/joining',
    scripts: ['joining.js'],
    body: html`${pageHead({
      title: 'Joining',
      about: html`A machine joins with a token and one command. Phones, routers and what else runs plain WireGuard are
        <a href="/devices">devices</a>.`,
    })}
      <div class="stack">
        ${includesRole(actor.role, 'admin') ? newToken() : ''}
        <section class="card flush" aria-labelledby="tokens">
          <div class="card-head"><h2 id="tokens">Tokens</h2></div>
          <div id="token-table" data-live="/joining/tokens">${tokens}</div>
        </section>
      </div>`,
  });
}
