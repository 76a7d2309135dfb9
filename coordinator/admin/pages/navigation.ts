import { html } from 'hono/html';
import { type Actor, includesRole, type Role } from '../actor.ts';
import type { Fragment } from './parts/fragment.ts';
import { type IconName, icon } from './parts/icon.ts';

/** Parts of the web admin; each is a path. */
export type Section =
  | '/'
  | '/map'
  | '/joining'
  | '/devices'
  | '/routes'
  | '/names'
  | '/policy'
  | '/audit'
  | '/settings'
  | '/users'
  | '/account';

interface Entry {
  path: Section;
  name: string;
  icon: IconName;
  /** The least role that may open it; everybody's if it is not there. */
  role?: Role;
}

const GROUPS: readonly { name: string; entries: readonly Entry[] }[] = [
  {
    name: 'Network',
    entries: [
      { path: '/', name: 'Machines', icon: 'machines' },
      { path: '/map', name: 'Map', icon: 'map' },
      { path: '/routes', name: 'Routes', icon: 'routes' },
      { path: '/names', name: 'Names', icon: 'names' },
    ],
  },
  {
    name: 'Access',
    entries: [
      { path: '/joining', name: 'Joining', icon: 'joining' },
      { path: '/devices', name: 'Devices', icon: 'devices' },
      { path: '/policy', name: 'Policy', icon: 'policy' },
    ],
  },
  {
    name: 'Administration',
    entries: [
      { path: '/audit', name: 'Audit', icon: 'audit' },
      { path: '/settings', name: 'Settings', icon: 'settings' },
      { path: '/users', name: 'Users', icon: 'users', role: 'owner' },
    ],
  },
];

/**
 * At the side of wide windows, and behind the menu button of narrow ones: a popover, which style.css shows in place where
 * there is room.
 */
export function navigation(actor: Actor, current: Section | undefined): Fragment {
  const link = ({ path, name, icon: picture }: Entry) =>
    html`<li><a href="${path}"${path === current ? html` aria-current="page"` : ''}>${icon(picture)} ${name}</a></li>`;
  return html`<nav class="sidebar" id="navigation" popover aria-label="Main">
      <a class="brand" href="/"><img src="/assets/warren.svg" alt="" width="28" height="28"> Warren</a>
      ${GROUPS.map(
        (group, index) => html`<p class="group" id="navigation-${index}">${group.name}</p>
      <ul aria-labelledby="navigation-${index}">${group.entries.filter(({ role }) => role === undefined || includesRole(actor.role, role)).map(link)}</ul>`,
      )}
      <div class="account">
        <ul aria-label="You">${link({ path: '/account', name: accountName(actor), icon: 'account' })}</ul>
        <p class="role quiet">${ROLES[actor.role]}</p>
        <div class="cluster">
          <button type="button" class="small quiet-button" data-theme-switch>${icon('theme')} <span>Theme</span></button>
          <form method="post" action="/sign-out">
            <button type="submit" class="small quiet-button">${icon('out')} Sign out</button>
          </form>
        </div>
      </div>
    </nav>`;
}

const ROLES: Readonly<Record<Actor['role'], string>> = {
  owner: 'Owner',
  admin: 'Administrator',
  auditor: 'Auditor: may look, not change',
};

/** `admin:ada` is shown as `ada`. */
function accountName(actor: Actor): string {
  return actor.actor.replace(/^admin:/, '') || 'Account';
}
