import type { Clock } from '../../shared/clock.ts';
import type { Logger } from '../../shared/log.ts';
import type { Authority } from '../pki/authority.ts';
import type { RelayRates } from '../relay/switchboard.ts';
import type { Store } from '../store/store.ts';

/** What the RPCs share. */
export interface RpcContext {
  store: Store;
  authority: Authority;
  proofKey: { privateKey: Uint8Array; publicKey: Uint8Array };
  clock: Clock;
  log: Logger;
  /** Name of this coordinator among several; the same after a restart. */
  instance: string;
  /** What each node may send by this coordinator's relay. */
  relayRates: RelayRates;
}
