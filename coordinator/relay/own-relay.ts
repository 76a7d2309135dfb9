import { COORDINATOR_TLS_NAME } from '../../shared/tls-names.ts';
import { stunServersAt } from '../network/relay-facts.ts';
import { sha256 } from '../pki/sha256.ts';
import type { RelayView } from '../store/contract/relays.ts';
import type { StunAddress } from '../stun/serve-stun.ts';
import type { RelayRates } from './switchboard.ts';

/** A node may send this by one relay; `--relay-rate` sets another. */
export const DEFAULT_RELAY_MBITS = 500;

/** Id of the relay that a coordinator itself is; the same after a restart. */
export function ownRelayId(instance: string): string {
  return `coordinator-${Buffer.from(sha256(Buffer.from(instance)))
    .toString('hex')
    .slice(0, 16)}`;
}

/** Whether a relay is a coordinator, this one or another. */
export function isOwnRelayId(id: string): boolean {
  return id.startsWith('coordinator-');
}

/** What agents are told of it; `name`: for people. */
export function ownRelay(
  { instance, name }: { instance: string; name: string },
  urls: readonly string[],
  stun: readonly StunAddress[],
): RelayView & { name: string } {
  return {
    id: ownRelayId(instance),
    name,
    urls: [...urls],
    tlsName: COORDINATOR_TLS_NAME,
    stunServers: stunServersAt(urls, stun),
  };
}

/** Rates for so many megabits a second; packets as many as 500 bytes each would be. */
export function relayRates(megabits: number): RelayRates {
  const bytesPerSecond = megabits * 125_000;
  return { bytesPerSecond, packetsPerSecond: Math.ceil(bytesPerSecond / 500) };
}
