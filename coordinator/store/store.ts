/**
 * What the coordinator remembers, and the only way to it. SQLite and PostgreSQL implement it through one query layer and
 * pass one conformance suite. Every method that changes something does so in one transaction together with its audit row
 * and with the network's next version, and returns only when that is durable. Times are milliseconds since the epoch on
 * the coordinator's clock, passed in. What there is of each subject, and what can be done to it, is in its file of contract/.
 *
 * Errors: WarrenError `unavailable` when the database is away or busy (never an empty answer instead), `corrupt` or
 * `incompatible` when it is not ours, and what each method names.
 */

import type { AccountStore } from './accounts/accounts.ts';
import type { AuditActor, AuditStore } from './contract/audit.ts';
import type { DeviceStore } from './contract/devices.ts';
import type { GrantStore } from './contract/grants.ts';
import type { JoinStore } from './contract/joining.ts';
import type { NetworkStore } from './contract/network.ts';
import type { NodeStore } from './contract/nodes.ts';
import type { OnceStore } from './contract/once.ts';
import type { PolicyStore } from './contract/policies.ts';
import type { RelayStore } from './contract/relays.ts';
import type { SecretStore } from './contract/secrets.ts';
import type { TokenStore } from './contract/tokens.ts';
import type { CoordinatorStore } from './coordinators/coordinators.ts';

export interface Store
  extends AuditStore,
    DeviceStore,
    GrantStore,
    JoinStore,
    NetworkStore,
    NodeStore,
    OnceStore,
    PolicyStore,
    RelayStore,
    SecretStore,
    TokenStore {
  /** The people who administer the network. */
  readonly accounts: AccountStore;
  /** What several coordinators of one database keep of each other. */
  readonly coordinators: CoordinatorStore;

  /**
   * Copies the whole database, as it is at one moment, to a new file of 0600. Throws `already-exists`, or `unsupported` for
   * PostgreSQL, which has tools for that.
   */
  backUp(path: string, now: number, audit: AuditActor): Promise<void>;

  /**
   * Forgets audit rows and removed nodes older than a time; who holds an older version then needs a snapshot. Nothing is done where
   * somebody did so within `interval`, milliseconds.
   */
  prune(before: { audit: number; removed: number }, now: number, interval?: number): Promise<void>;

  close(): Promise<void>;
}
