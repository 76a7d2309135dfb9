import { isExpired } from '../../network/joining.ts';
import { standingOf } from '../../network/standing.ts';
import type { NodeRecord } from '../../store/contract/nodes.ts';

export const STATES = ['connected', 'away', 'unapproved', 'disabled', 'expired', 'waiting'] as const;
export const SORTS = ['name', 'addresses', 'seen', 'system', 'expiry'] as const;
export const PAGE_SIZE = 50;

/** What the address of the page says about which machines are wanted, and in which order. */
export interface MachineQuery {
  search: string;
  /** Null for all. `waiting`: with something that an administrator has to decide. */
  state: (typeof STATES)[number] | null;
  tag: string | null;
  sort: (typeof SORTS)[number];
  descending: boolean;
  /** From 1. */
  page: number;
}

export interface MachinePage {
  /** As wanted, but for the page, which is one that there is. */
  query: MachineQuery;
  machines: NodeRecord[];
  /** How many match, on all pages. */
  matching: number;
  pages: number;
}

/** What makes no sense is as if it were not there: an address may have been written by hand. */
export function machineQuery(parameters: Readonly<Record<string, string>>): MachineQuery {
  const { search = '', state, tag, sort = 'name', page } = parameters;
  const key = sort.replace(/^-/, '');
  return {
    search: search.slice(0, 256),
    state: STATES.find((known) => known === state) ?? null,
    tag: tag || null,
    sort: SORTS.find((known) => known === key) ?? 'name',
    descending: sort.startsWith('-'),
    page: Math.max(1, Number.parseInt(page ?? '1', 10) || 1),
  };
}

/** The same as parameters of an address, `?` included; what is as by default is left out. */
export function queryString(query: MachineQuery, changes: Partial<MachineQuery> = {}): string {
  const wanted = { ...query, ...changes };
  const parameters = new URLSearchParams();
  if (wanted.search !== '') parameters.set('search', wanted.search);
  if (wanted.state !== null) parameters.set('state', wanted.state);
  if (wanted.tag !== null) parameters.set('tag', wanted.tag);
  const sort = `${wanted.descending ? '-' : ''}${wanted.sort}`;
  if (sort !== 'name') parameters.set('sort', sort);
  if (wanted.page > 1) parameters.set('page', String(wanted.page));
  return parameters.size === 0 ? '' : `?${parameters}`;
}

/** The machines of one page. */
export function selectMachines(nodes: readonly NodeRecord[], query: MachineQuery, now: number): MachinePage {
  const words = query.search.toLowerCase().split(/\s+/).filter(Boolean);
  const wanted = nodes
    .filter((node) => isInState(node, query.state, now))
    .filter((node) => query.tag === null || node.tags.includes(query.tag))
    .filter((node) => {
      const text = searchable(node);
      return words.every((word) => text.includes(word));
    })
    .sort((a, b) => compare(a, b, query.sort) * (query.descending ? -1 : 1) || byText(a.name, b.name));
  const pages = Math.max(1, Math.ceil(wanted.length / PAGE_SIZE));
  const page = Math.min(query.page, pages);
  return {
    query: { ...query, page },
    machines: wanted.slice((page - 1) * PAGE_SIZE, page * PAGE_SIZE),
    matching: wanted.length,
    pages,
  };
}

/** What of a machine waits for an administrator's decision: in words, empty for nothing. */
export function pendingDecisions(node: NodeRecord): string[] {
  const routes = node.offers.routes.filter((route) => !node.approvedRoutes.includes(route)).length;
  const segments = node.offeredSegments.filter((name) => !node.approvedSegments.includes(name)).length;
  return [
    ...(node.approved ? [] : ['membership']),
    ...(routes === 0 ? [] : [routes === 1 ? '1 route' : `${routes} routes`]),
    ...(node.offers.exitNode && !node.exitNodeApproved ? ['exit node'] : []),
    ...(segments === 0 ? [] : [segments === 1 ? '1 segment' : `${segments} segments`]),
  ];
}

export function isInState(node: NodeRecord, state: MachineQuery['state'], now: number): boolean {
  switch (state) {
    case null:
      return true;
    case 'connected':
      return node.online;
    case 'away':
      return !node.online;
    case 'waiting':
      return pendingDecisions(node).length > 0;
    case 'expired':
      return isExpired(node.keyExpiresAt, now);
    case 'unapproved':
    case 'disabled':
      return standingOf(node) === state;
  }
}

function searchable(node: NodeRecord): string {
  const { name, address4, address6, owner, tags, offers, endpoints, operatingSystem, id } = node;
  return [name, address4, address6, owner, ...tags, ...offers.routes, ...endpoints, operatingSystem, id]
    .join('\n')
    .toLowerCase();
}

function compare(a: NodeRecord, b: NodeRecord, sort: MachineQuery['sort']): number {
  switch (sort) {
    case 'name':
      return byText(a.name, b.name);
    case 'addresses':
      return addressNumber(a.address4) - addressNumber(b.address4);
    case 'seen':
      return Number(b.online) - Number(a.online) || b.lastSeenAt - a.lastSeenAt;
    case 'system':
      return byText(a.operatingSystem, b.operatingSystem) || byText(a.agentVersion, b.agentVersion);
    case 'expiry':
      return (a.keyExpiresAt || Number.MAX_SAFE_INTEGER) - (b.keyExpiresAt || Number.MAX_SAFE_INTEGER);
  }
}

const collator = new Intl.Collator('en', { numeric: true });

/** `node-9` comes before `node-10`. */
function byText(a: string, b: string): number {
  return collator.compare(a, b);
}

function addressNumber(address4: string): number {
  return address4.split('.').reduce((sum, byte) => sum * 256 + Number(byte), 0);
}
