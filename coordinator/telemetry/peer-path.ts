import type { NatReport, PeerPath, RelayDistances } from '../../proto/gen/warren.ts';
import { formatEndpoint, parseEndpoint } from '../../shared/endpoint.ts';

export type PathKindName = 'direct' | 'relay' | 'none';

/** How one node says that it reaches another. Times are milliseconds since the epoch on the coordinator's clock. */
export interface PathView {
  kind: PathKindName;
  /** Empty unless direct. */
  endpoint: string;
  /** Milliseconds; null if not measured. */
  latency: number | null;
  /** Since the agent's interface was made. */
  receivedBytes: number;
  sentBytes: number;
  since: number;
  /** Why, and what would help; empty where there is nothing to say. */
  reason: string;
  advice: string;
}

export interface NatView {
  mapping: string;
  filtering: string;
}

const KINDS: readonly PathKindName[] = ['none', 'direct', 'relay'];
const MAPPINGS = [
  'none',
  'endpoint-independent',
  'address-dependent',
  'address-and-port-dependent',
  'unknown',
  'no answer',
];
const FILTERINGS = [
  'endpoint-independent',
  'address-dependent',
  'not by port',
  'address-and-port-dependent',
  'unknown',
];
/** A minute: a round trip that is longer is no measurement. */
const MAX_LATENCY = 60_000;
const MAX_TEXT = 300;
const MAX_RELAYS = 32;
const MAX_ID = 64;

/** What a node said of a path, fit to be shown: the input is untrusted. `now`: the coordinator's clock. */
export function checkPath(path: PeerPath, now: number): PathView {
  const kind = KINDS[path.kind] ?? 'none';
  const endpoint = kind === 'direct' ? parseEndpoint(path.endpoint.slice(0, MAX_ID)) : null;
  return {
    kind,
    endpoint: endpoint === null ? '' : formatEndpoint(endpoint),
    latency: checkLatency(path.latency),
    receivedBytes: count(path.receivedBytes),
    sentBytes: count(path.sentBytes),
    since: Math.max(0, now - count(path.age)),
    reason: text(path.reason),
    advice: text(path.advice),
  };
}

/** The same for a NAT; null for words that no release of the agent has. */
export function checkNat({ mapping, filtering }: NatReport): NatView | null {
  return MAPPINGS.includes(mapping) && FILTERINGS.includes(filtering) ? { mapping, filtering } : null;
}

/** Round trips to relays by their ids, milliseconds; those that do not answer are left out. */
export function checkRelays({ relays }: RelayDistances): Map<string, number> {
  const distances = new Map<string, number>();
  for (const { relayId, latency } of relays.slice(0, MAX_RELAYS)) {
    const checked = checkLatency(latency);
    if (checked !== null && relayId.length <= MAX_ID) distances.set(relayId, checked);
  }
  return distances;
}

function checkLatency(latency: number | undefined): number | null {
  return latency !== undefined && latency >= 0 && latency <= MAX_LATENCY ? latency : null;
}

function count(value: bigint): number {
  return Math.min(Number.MAX_SAFE_INTEGER, Math.max(0, Number(value)));
}

/** One line without control characters and without those that turn the direction of what follows. */
function text(untrusted: string): string {
  // Copied, for a part of a string keeps the whole of it in memory.
  return Buffer.from(untrusted.slice(0, MAX_TEXT))
    .toString()
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ');
}
