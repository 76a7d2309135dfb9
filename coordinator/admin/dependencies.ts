import type { Clock } from '../../shared/clock.ts';
import type { Logger } from '../../shared/log.ts';
import type { Prefix } from '../../shared/prefix.ts';
import type { Backups } from '../backups.ts';
import type { Enrolment } from '../enrolment.ts';
import type { Metrics } from '../metrics.ts';
import type { Store } from '../store/store.ts';
import type { MeshNodes } from '../telemetry/mesh-nodes.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import type { AccountServices } from './accounts/services.ts';

/** What the admin page and its API are made of. */
export interface AdminDependencies extends AccountServices {
  store: Store;
  clock: Clock;
  log: Logger;
  /** Names, beside addresses and localhost, under which people reach the page. */
  hostNames: readonly string[];
  /** Proxies whose word on where a request came from, and whether by TLS, is taken. */
  trustedProxies: readonly Prefix[];
  /** What tokens carry; null until it is known how agents reach this coordinator. */
  enrolment(): Enrolment | null;
  metrics: Metrics;
  /** Null where the database has tools of its own for that. `restart` has the coordinator end and start anew soon. */
  backups: { files: Backups; restart(): void } | null;
  /** The network in memory, and what its agents tell of their paths. */
  mesh: { nodes: MeshNodes; telemetry: Telemetry };
}
