import type { NodeTelemetry } from '../../telemetry/node-telemetry.ts';

/** How a machine reaches the peers that it has to do with: `3 direct`, `1 by relay`; none while it tells nothing. */
export function pathWords(telemetry: NodeTelemetry | undefined): string[] {
  if (telemetry === undefined || !telemetry.isConnected) return [];
  const kinds = [...telemetry.peers.values()].map(({ view }) => view.kind);
  const count = (kind: (typeof kinds)[number]) => kinds.filter((one) => one === kind).length;
  const [direct, relay] = [count('direct'), count('relay')];
  return [...(direct === 0 ? [] : [`${direct} direct`]), ...(relay === 0 ? [] : [`${relay} by relay`])];
}
