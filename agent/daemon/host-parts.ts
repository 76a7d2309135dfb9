import type { Clock } from '../../shared/clock.ts';
import type { Logger } from '../../shared/log.ts';
import { FlowTracking } from '../flows/flow-tracking.ts';
import { ExitUse } from '../host/exit-use.ts';
import { Firewall } from '../host/firewall.ts';
import { Forwarding } from '../host/forwarding.ts';
import type { HostFeature } from '../host/host-feature.ts';
import { SegmentDevices } from '../host/segment-devices.ts';
import { serversOf } from '../mesh/servers.ts';
import { NameService } from '../names/name-service.ts';
import type { Settings } from '../state/records.ts';

export interface HostPartsOptions {
  /** The tunnel's. */
  interfaceName: string;
  stateFolder: string;
  coordinatorUrls: readonly string[];
  settings: Settings;
  /** The tunnel's, once its socket is open. */
  listenPort: () => number;
  /** Whether private networks that this host is connected to are reached without the exit. */
  allowsLan: () => boolean;
  /** A name that the agent needs has other addresses than before. */
  onKnownAddresses: () => void;
  clock: Clock;
  log: Logger;
}

/** The parts of this host that follow the map beside the interface and its peers. */
export class HostParts {
  readonly flowTracking: FlowTracking;
  readonly names: NameService;
  readonly firewall: Firewall;
  readonly exitUse: ExitUse;
  readonly #forwarding: Forwarding;
  readonly #segments: SegmentDevices;

  constructor(options: HostPartsOptions) {
    const { interfaceName, stateFolder, coordinatorUrls, settings, listenPort, allowsLan, log } = options;
    const { mtu, segments, snat, siteToSite, acceptDns } = settings;
    this.flowTracking = new FlowTracking(interfaceName);
    this.names = new NameService({
      interfaceName,
      stateFolder,
      acceptDns,
      coordinatorUrls,
      onKnownAddresses: options.onKnownAddresses,
      clock: options.clock,
      log,
    });
    this.firewall = new Firewall(interfaceName, listenPort, siteToSite, log);
    this.#forwarding = new Forwarding(interfaceName, { translatesSources: snat, siteToSite }, log);
    this.exitUse = new ExitUse({
      interfaceName,
      stateFolder,
      listenPort,
      servers: (map) => serversOf(map, coordinatorUrls, (name) => this.names.knownAddresses(name)),
      allowsLan,
      acceptDns,
    });
    this.#segments = new SegmentDevices(interfaceName, mtu, segments, log);
  }

  /** In the order in which they are applied. */
  get features(): HostFeature[] {
    return [
      ...this.exitUse.features,
      this.firewall,
      this.flowTracking,
      this.names,
      this.#forwarding,
      this.#segments,
    ];
  }

  /** Whether it is time to apply the map again though none came: another router, other routing rules, other bridges. */
  async isOutdated(): Promise<boolean> {
    const isExitOutdated = await this.exitUse.isOutdated().catch(() => false);
    return (await this.#forwarding.isOutdated().catch(() => false)) || isExitOutdated;
  }

  /** Whether somebody took the rules away that are to be there: then they are set anew when the map is applied again. */
  async haveRulesGone(): Promise<boolean> {
    if (!(await this.firewall.isGone())) return false;
    this.#forwarding.forget();
    return true;
  }
}
