import type { MeshNodes } from './mesh-nodes.ts';
import type { NodeTelemetry } from './node-telemetry.ts';

/**
 * What a round trip by relay takes, from what both ends measured to the relay: each sends by the other's home. Milliseconds; null
 * where either has not measured it.
 */
export function relayedLatency(
  telemetry: { of(nodeId: string): NodeTelemetry | undefined },
  nodes: Pick<MeshNodes, 'node'>,
  a: string,
  b: string,
): number | null {
  const legs = [a, b].map((id) => {
    const home = nodes.node(id)?.homeRelay ?? '';
    const [here, there] = [a, b].map((end) => telemetry.of(end)?.relays.get(home));
    return here === undefined || there === undefined ? null : (here + there) / 2;
  });
  const known = legs.filter((leg) => leg !== null);
  if (known.length === 0) return null;
  return (known.reduce((sum, leg) => sum + leg, 0) * 2) / known.length;
}
