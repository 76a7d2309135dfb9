import type { OutsideHosts } from '../outside-hosts.ts';
import type { OwnEndpointsKeeper } from '../own-endpoints-keeper.ts';
import type { PortMapper } from '../port-mapping/port-mapper.ts';
import type { Reconciler } from '../reconciler.ts';
import type { CoordinatorLink } from './coordinator-link.ts';
import type { HostParts } from './host-parts.ts';
import type { RelayLink } from './relay-link.ts';

/** Whom it concerns where this host is. */
export interface NetworkListeners {
  endpoints: Pick<OwnEndpointsKeeper, 'look' | 'tell'>;
  coordinator: Pick<CoordinatorLink, 'reconnect'>;
  relays: Pick<RelayLink, 'networkChanged'>;
  outside: Pick<OutsideHosts, 'networkChanged'>;
  reconciler: Pick<Reconciler, 'followNetworks' | 'again'>;
  host: Pick<HostParts, 'isOutdated'>;
  /** Null while its code is not loaded. */
  portMapper: () => Pick<PortMapper, 'networkChanged'> | null;
}

/** Where this host is decides at which endpoints it is reached, and which routes it needs from the mesh. */
export class NetworkFollower {
  readonly #listeners: NetworkListeners;
  readonly #ending: AbortSignal;

  constructor(listeners: NetworkListeners, ending: AbortSignal) {
    this.#listeners = listeners;
    this.#ending = ending;
  }

  /** This host's addresses or routes may be others than the last time. */
  look(): void {
    if (this.#ending.aborted) return;
    const { endpoints, coordinator, relays, outside, portMapper } = this.#listeners;
    const { hasChanged, hasLostAddress } = endpoints.look();
    if (hasLostAddress) coordinator.reconnect();
    if (hasChanged) {
      relays.networkChanged(hasLostAddress);
      outside.networkChanged();
    }
    endpoints.tell();
    void this.#followRoutes();
    void portMapper()?.networkChanged();
  }

  /** Throws nothing: what the host refuses is logged, and tried again. */
  async #followRoutes(): Promise<void> {
    const { reconciler, host } = this.#listeners;
    await reconciler.followNetworks();
    if (await host.isOutdated()) await reconciler.again().catch(() => {});
  }
}
