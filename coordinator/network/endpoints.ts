import { formatEndpoint, parseEndpoint } from '../../shared/endpoint.ts';
import { type Prefix, prefixContains } from '../../shared/prefix.ts';
import { isSpecialAddress } from '../../shared/special-ranges.ts';

/** Others probe what a node says of itself; more than this many are not passed on. */
export const MAX_ENDPOINTS = 16;

/** Of a longer list the rest is not even looked at. */
const MAX_EXAMINED = 256;

/**
 * The usable part of the endpoints a node reported, canonical, each once, in its order: nothing that would send others
 * to themselves, to a group, into the overlay, or nowhere. The input is untrusted.
 */
export function checkEndpoints(endpoints: readonly string[], overlay: readonly Prefix[]): string[] {
  const accepted = new Set<string>();
  for (const text of endpoints.slice(0, MAX_EXAMINED)) {
    const endpoint = parseEndpoint(text);
    if (endpoint === null || isSpecialAddress(endpoint.address)) continue;
    if (overlay.some((range) => prefixContains(range, endpoint.address))) continue;
    accepted.add(formatEndpoint(endpoint));
    if (accepted.size === MAX_ENDPOINTS) break;
  }
  return [...accepted];
}
