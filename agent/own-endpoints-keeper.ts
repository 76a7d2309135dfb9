import { isDeepStrictEqual } from 'node:util';
import type { Report } from '../proto/gen/warren.ts';
import { localAddresses } from './host/local-addresses.ts';
import { ownEndpoints, reachableEndpoints } from './mesh/own-endpoints.ts';

/** What the rest of the agent knows of where this host can be reached, asked for when it is put together. */
export interface EndpointSources {
  /** The tunnel's own, which is left out. */
  interfaceName: string;
  listenPort(): number;
  /** The overlay's ranges, CIDRs. */
  overlay(): readonly string[];
  /** `ADDRESS:PORT` of the gateway that is mapped to the tunnel's port; null if none is. */
  mapped(): string | null;
  /** `ADDRESS:PORT` of the tunnel's socket as STUN servers see it. */
  reflexive(): readonly string[];
  /** What the user gave. */
  configured(): readonly string[];
}

/** What the coordinator is told of it. */
export type EndpointReport = Pick<Report, 'endpoints' | 'listenPort' | 'homeRelay'> & {
  /** Those at which any host can begin. */
  reachable: string[];
};

/** Those who hear of it. */
export interface EndpointListeners {
  /** Path discovery, which compares by itself. */
  onOwnSide(
    addresses: readonly string[],
    listenPort: number,
    mapped: string | null,
    configured: readonly string[],
  ): void;
  /** The coordinator, of every report that differs from the last. */
  onReport(report: EndpointReport): void;
}

/** Puts together where this host can be reached, and tells of every change. */
export class OwnEndpointsKeeper {
  readonly #sources: EndpointSources;
  readonly #listeners: EndpointListeners;
  /** This host's own, when it was last looked. */
  #addresses: readonly string[];
  /** The address that the coordinator saw; empty before it has. */
  #observed = '';
  #homeRelay = '';
  #report: EndpointReport = { endpoints: [], listenPort: 0, homeRelay: '', reachable: [] };

  constructor(sources: EndpointSources, listeners: EndpointListeners) {
    this.#sources = sources;
    this.#listeners = listeners;
    this.#addresses = this.#currentAddresses();
  }

  /** The newest. */
  get report(): EndpointReport {
    return this.#report;
  }

  /** Looks which addresses this host has now; what became of those of the last time. */
  look(): { hasChanged: boolean; hasLostAddress: boolean } {
    const before = this.#addresses;
    this.#addresses = this.#currentAddresses();
    const now = new Set(this.#addresses);
    const hasLostAddress = before.some((address) => !now.has(address));
    return { hasChanged: hasLostAddress || now.size !== before.length, hasLostAddress };
  }

  observed(address: string): void {
    this.#observed = address;
    this.tell();
  }

  homeRelay(relayId: string): void {
    this.#homeRelay = relayId;
    this.tell();
  }

  /** Something of the sources may have changed. */
  tell(): void {
    const [listenPort, mapped] = [this.#sources.listenPort(), this.#sources.mapped()];
    const configured = this.#sources.configured();
    const overlay = this.#sources.overlay();
    this.#listeners.onOwnSide(this.#addresses, listenPort, mapped, configured);
    const endpoints = ownEndpoints(
      this.#addresses,
      this.#observed,
      listenPort,
      overlay,
      mapped,
      this.#sources.reflexive(),
      configured,
    );
    const reachable = reachableEndpoints(this.#addresses, listenPort, overlay, configured);
    const report = { endpoints, listenPort, homeRelay: this.#homeRelay, reachable };
    if (isDeepStrictEqual(report, this.#report)) return;
    this.#report = report;
    this.#listeners.onReport(report);
  }

  #currentAddresses(): string[] {
    return [...new Set(localAddresses(this.#sources.interfaceName).map((local) => local.address))];
  }
}
