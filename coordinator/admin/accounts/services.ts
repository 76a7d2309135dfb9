import type { Clock } from '../../../shared/clock.ts';
import type { Store } from '../../store/store.ts';
import type { OidcProvider } from '../oidc/provider.ts';
import { ApiKeys } from './api-keys.ts';
import { KnownBrowsers } from './known-browsers.ts';
import { Pace } from './pace.ts';
import { type Argon2Cost, Passphrases } from './passphrases.ts';
import { Sealer } from './sealer.ts';
import { Sessions } from './sessions.ts';
import { Throttle } from './throttle.ts';
import { Tickets } from './tickets.ts';

/** What lets people and programs in. */
export interface AccountServices {
  sessions: Sessions;
  apiKeys: ApiKeys;
  passphrases: Passphrases;
  throttle: Throttle;
  browsers: KnownBrowsers;
  pace: Pace;
  sealer: Sealer;
  tickets: Tickets;
  /** OpenID Connect providers, in the order of their buttons. */
  providers: readonly OidcProvider[];
}

export function accountServices(options: {
  store: Store;
  clock: Clock;
  sealingKey: Uint8Array;
  providers?: readonly OidcProvider[];
  /** For tests; passphrases.ts has what counts. */
  cost?: Argon2Cost;
}): AccountServices {
  const { store, clock } = options;
  return {
    sessions: new Sessions(store, clock),
    apiKeys: new ApiKeys(store, clock),
    passphrases: new Passphrases(options.cost),
    throttle: new Throttle(clock),
    browsers: new KnownBrowsers(options.sealingKey, clock),
    pace: new Pace(clock),
    sealer: new Sealer(options.sealingKey),
    tickets: new Tickets(store, clock),
    providers: options.providers ?? [],
  };
}
