import type { Hono } from 'hono';
import { html } from 'hono/html';
import { asCalled } from '../../../shared/program-name.ts';
import type { NodeRecord } from '../../store/contract/nodes.ts';
import { type Actor, type AdminEnvironment, includesRole } from '../actor.ts';
import type { AdminDependencies } from '../dependencies.ts';
import { layout } from './layout.ts';
import {
  isInState,
  type MachineQuery,
  machineQuery,
  queryString,
  STATES,
  selectMachines,
} from './machine-list.ts';
import { machineTable } from './machine-table.ts';
import { codeBlock } from './parts/code-block.ts';
import { emptyState } from './parts/empty-state.ts';
import type { Fragment } from './parts/fragment.ts';
import { icon } from './parts/icon.ts';
import { pageHead } from './parts/page-head.ts';
import { pathWords } from './path-words.ts';

const STATE_NAMES: Readonly<Record<(typeof STATES)[number], string>> = {
  connected: 'Connected',
  away: 'Away',
  unapproved: 'Not approved',
  disabled: 'Disabled',
  expired: 'Key expired',
  waiting: 'To approve',
};

/** All machines of the network: `/`, and its table by itself. */
export function registerMachines(app: Hono<AdminEnvironment>, dependencies: AdminDependencies): void {
  const { store, clock, mesh } = dependencies;
  const shown = async (parameters: Record<string, string>): Promise<Shown> => {
    const nodes = await store.listNodes();
    return {
      machines: nodes.filter(({ device }) => device === null),
      devices: nodes.filter(({ device }) => device !== null).length,
      query: machineQuery(parameters),
      paths: (id) => pathWords(mesh.telemetry.of(id)),
      now: clock.wall(),
    };
  };
  app.get('/', async (context) =>
    context.html(machinesPage(context.get('actor'), await shown(context.req.query()))),
  );
  app.get('/machines/table', async (context) => context.html(overview(await shown(context.req.query()))));
}

interface Shown {
  machines: readonly NodeRecord[];
  /** How many members run plain WireGuard; they have a page of their own. */
  devices: number;
  query: MachineQuery;
  /** How a machine reaches its peers, in words. */
  paths: (id: string) => readonly string[];
  now: number;
}

function machinesPage(actor: Actor, shown: Shown): Fragment {
  const { machines, query } = shown;
  const tags = [...new Set(machines.flatMap((node) => node.tags))].sort();
  return layout({
    title: 'Machines',
    actor,
    section: '/',
    scripts: ['filter.js'],
    body: html`${pageHead({
      title: 'Machines',
      actions: includesRole(actor.role, 'admin')
        ? html`<a class="button primary" href="/joining#new">${icon('plus')} Add a machine</a>`
        : '',
    })}
      ${machines.length === 0 ? '' : filters(query, tags)}
      <div id="machines" data-live="/machines/table${queryString(query)}">${overview(shown)}</div>`,
  });
}

/** The part that changes with the network and with the filters. */
function overview({ machines, devices, query, paths, now }: Shown): Fragment {
  if (machines.length === 0) return nobody();
  const count = (state: MachineQuery['state']) =>
    machines.filter((node) => isInState(node, state, now)).length;
  const waiting = count('waiting');
  const page = selectMachines(machines, query, now);
  return html`<p class="summary quiet" id="machines-summary" role="status">
      ${counted(machines.length, 'machine')}, ${count('connected')} connected${
        page.matching === machines.length ? '' : `, ${page.matching} shown`
      }${
        waiting === 0
          ? ''
          : html`, <a href="/?state=waiting" data-filter-link>${waiting} with something to approve</a>`
      }${devices === 0 ? '' : html`, and <a href="/devices">${counted(devices, 'device')}</a>`}
    </p>
    ${machineTable(page, paths, now)}`;
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}

function filters(query: MachineQuery, tags: readonly string[]): Fragment {
  const option = (value: string, label: string, current: string | null) =>
    html`<option value="${value}"${value === (current ?? '') ? html` selected` : ''}>${label}</option>`;
  return html`<form class="toolbar" role="search" method="get" action="/" data-filter="machines" data-filter-path="/machines/table">
      <div class="search">
        ${icon('search')}
        <input type="search" name="search" value="${query.search}" placeholder="Name, address, tag, route …"
          aria-label="Search machines" autocomplete="off" spellcheck="false">
      </div>
      <select name="state" aria-label="State">
        ${option('', 'All states', query.state)}
        ${STATES.map((state) => option(state, STATE_NAMES[state], query.state))}
      </select>
      ${
        tags.length === 0
          ? ''
          : html`<select name="tag" aria-label="Tag">
        ${option('', 'All tags', query.tag)}
        ${tags.map((tag) => option(tag, tag, query.tag))}
      </select>`
      }
      <noscript><button type="submit">Show</button></noscript>
    </form>`;
}

function nobody(): Fragment {
  return emptyState({
    icon: 'machines',
    title: 'No machine has joined yet',
    text: html`<p>Make a token on the page <a href="/joining#new">Joining</a>, and run the command that it shows on the machine
        that is to join. It appears here at once.</p>
      <p>The same from the coordinator's command line:</p>
      ${codeBlock(asCalled('bin/coordinator token create --data DIR'), 'command')}`,
  });
}
