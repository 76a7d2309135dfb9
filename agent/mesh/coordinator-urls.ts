import { COORDINATOR_TLS_NAME } from '../../shared/tls-names.ts';
import type { NetworkMap } from './network-map.ts';

/**
 * All ways to a coordinator of this network: what the token said, and then those that the map has. Each of several coordinators is a
 * relay too, by the coordinators' name in its certificate, so the map tells of those that came after this host had joined.
 */
export function coordinatorUrls(own: readonly string[], map: NetworkMap | null): string[] {
  const relays = map?.self.relays ?? [];
  const others = relays.filter(({ tlsName }) => tlsName === COORDINATOR_TLS_NAME).flatMap(({ urls }) => urls);
  return [...new Set([...own, ...others])];
}
