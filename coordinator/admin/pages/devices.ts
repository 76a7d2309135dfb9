import type { Hono } from 'hono';
import { html } from 'hono/html';
import { knownDevices } from '../../devices.ts';
import type { NodeRecord } from '../../store/contract/nodes.ts';
import { type Actor, type AdminEnvironment, includesRole } from '../actor.ts';
import type { AdminDependencies } from '../dependencies.ts';
import { registerDevice } from './device.ts';
import { deviceTable } from './device-table.ts';
import { givenFile } from './given-file.ts';
import { layout } from './layout.ts';
import { newDevice } from './new-device.ts';
import type { Fragment } from './parts/fragment.ts';
import { pageHead } from './parts/page-head.ts';

/** Members that run plain WireGuard: `/devices`, its table by itself, and the page of each. */
export function registerDevices(app: Hono<AdminEnvironment>, dependencies: AdminDependencies): void {
  const { store, clock } = dependencies;
  const table = async (actor: Actor): Promise<Fragment> => {
    const now = clock.wall();
    return deviceTable(await knownDevices(store, now), includesRole(actor.role, 'admin'), now);
  };
  app.get('/devices', async (context) => {
    const actor = context.get('actor');
    const nodes = await store.listNodes();
    const gateways = nodes.filter(({ reachableEndpoints }) => reachableEndpoints.length > 0);
    const form = includesRole(actor.role, 'admin') ? newDevice(gateways, await ownersFor(actor, nodes)) : '';
    return context.html(devicesPage(actor, await table(actor), form));
  });
  app.get('/devices/table', async (context) => context.html(await table(context.get('actor'))));
  registerDevice(app, dependencies);

  /** Names of accounts to choose from: all for whoever may see them (permissions.ts), else the own one and those of machines. */
  async function ownersFor(actor: Actor, nodes: readonly NodeRecord[]): Promise<string[]> {
    const accounts = includesRole(actor.role, 'owner') ? await store.accounts.listUsers() : [];
    const seen = [...accounts.map(({ name }) => name), ...nodes.map(({ owner }) => owner), actor.userName];
    return [...new Set(seen)].filter((name) => name !== '').sort();
  }
}

function devicesPage(actor: Actor, table: Fragment, form: Fragment | ''): Fragment {
  return layout({
    title: 'Devices',
    actor,
    section: '/devices',
    scripts: ['devices.js'],
    body: html`${pageHead({
      title: 'Devices',
      about: html`Phones, routers and what else runs a stock WireGuard client. A device dials the agents that can be dialled;
        one of them, its gateway, forwards for it to all the others.`,
    })}
      <div class="stack">
        ${givenFile()}
        ${form}
        <section class="card flush" aria-labelledby="members">
          <div class="card-head"><h2 id="members">Members</h2></div>
          <div id="device-table" data-live="/devices/table">${table}</div>
        </section>
      </div>`,
  });
}
