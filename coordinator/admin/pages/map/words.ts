import { html } from 'hono/html';
import type { PathKindName } from '../../../telemetry/peer-path.ts';
import type { MachineState } from '../../../telemetry/picture.ts';
import { badge, type Tone } from '../parts/badge.ts';
import { byteRate } from '../parts/bytes.ts';
import type { Fragment } from '../parts/fragment.ts';

const PATHS: Readonly<Record<PathKindName, readonly [string, Tone]>> = {
  direct: ['direct', 'good'],
  relay: ['by relay', 'warn'],
  none: ['not connected', 'neutral'],
};

const STATES: Readonly<Record<MachineState, readonly [string, Tone]>> = {
  online: ['connected', 'good'],
  away: ['away', 'neutral'],
  expired: ['key expired', 'bad'],
  disabled: ['disabled', 'bad'],
  unapproved: ['waits for approval', 'warn'],
};

export function pathBadge(kind: PathKindName): Fragment {
  return badge(...PATHS[kind]);
}

export function stateBadge(state: MachineState): Fragment {
  return badge(...STATES[state]);
}

/** `1.5 ms`; with a tilde where it was reckoned, not measured. */
export function latencyText(latency: number | null, isEstimated = false): string {
  if (latency === null) return '–';
  const digits = latency < 10 ? latency.toFixed(1) : Math.round(latency);
  return `${isEstimated ? '~' : ''}${digits} ms`;
}

export function rateText(bytesPerSecond: number): string {
  return bytesPerSecond === 0 ? '–' : byteRate(bytesPerSecond);
}

const MAPPINGS: Readonly<Record<string, string>> = {
  none: 'no NAT',
  'endpoint-independent': 'a NAT that keeps one outer port',
  'address-dependent': 'a hard NAT',
  'address-and-port-dependent': 'a hard NAT',
  unknown: 'a NAT of unknown kind',
  'no answer': 'UDP seems to be blocked',
};

/** What stands before a machine, in words. */
export function natText(nat: { mapping: string } | null): string {
  return nat === null ? 'not known' : (MAPPINGS[nat.mapping] ?? 'not known');
}

/** The tabs of the pages that show the mesh. */
export function meshTabs(current: '/map' | '/map/pairs' | '/map/latency'): Fragment {
  const tabs = [
    ['/map', 'Map'],
    ['/map/pairs', 'Pairs'],
    ['/map/latency', 'Latency'],
  ] as const;
  return html`<nav aria-label="Views of the mesh"><ul class="tabs">${tabs.map(
    ([path, name]) =>
      html`<li><a href="${path}"${path === current ? html` aria-current="page"` : ''}>${name}</a></li>`,
  )}</ul></nav>`;
}
