import { isDeepStrictEqual } from 'node:util';
import { DEFAULT_SETTINGS, type NetworkSettings } from '../network/settings.ts';
import type { Decision } from './administration.ts';
import type { Change } from './change.ts';

/** The settings as the network's row has them. */
export function settingsFromText(text: string): NetworkSettings {
  return { ...DEFAULT_SETTINGS, ...(JSON.parse(text) as Partial<NetworkSettings>) };
}

/** Changes what is given and leaves the rest; returns all. `check` throws what is to stop it. Agents hear of it only if something is new to them. */
export async function changeSettings(
  change: Change,
  wanted: Partial<NetworkSettings>,
  by: Decision,
  check: (before: NetworkSettings) => void = () => {},
): Promise<NetworkSettings> {
  const before = change.settings();
  check(before);
  const after = { ...before, ...wanted };
  if (isDeepStrictEqual(before, after)) return before;
  change.setSettings(after);
  await change.audit({
    at: by.now,
    actor: by.actor,
    source: by.source,
    action: 'network.change',
    target: Object.keys(wanted).join(' '),
    result: 'ok',
    detail: JSON.stringify(wanted),
    before: Object.fromEntries(Object.keys(wanted).map((key) => [key, before[key as keyof NetworkSettings]])),
    after: wanted,
  });
  return after;
}
