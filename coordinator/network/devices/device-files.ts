import { grantedRoutes } from '../grants.ts';
import type { VisibleNode } from '../visibility.ts';
import { Visibility } from '../visibility.ts';
import {
  type DeviceFile,
  type DeviceState,
  type DialledNode,
  devicesAmong,
  type KnownDevice,
  wantedFile,
} from './device-file.ts';
import type { PairedDevice } from './device-pairs.ts';
import { whyOutOfDate } from './out-of-date.ts';

/** The network as far as devices' files depend on it. */
export interface FilesNetwork {
  readonly prefix4: string;
  readonly prefix6: string;
  readonly version: number;
  readonly zone: string;
  readonly policy: { readonly document: string } | null;
}

/** What devices should be given now, by the network of one moment. */
export class DeviceFiles {
  readonly #network: FilesNetwork;
  readonly #nodes: ReadonlyMap<string, DialledNode & VisibleNode>;
  readonly #all: readonly DialledNode[];
  readonly #devices: readonly KnownDevice[];
  readonly #now: number;
  readonly #visibility: Visibility;

  constructor(network: FilesNetwork, nodes: readonly (DialledNode & VisibleNode)[], now: number) {
    this.#network = network;
    this.#nodes = new Map(nodes.map((node) => [node.id, node]));
    this.#all = nodes;
    this.#devices = devicesAmong(nodes);
    this.#now = now;
    // Whether a device may know of an agent is between the two: who is neither dialled nor a router need not be looked at.
    const concerned = nodes.filter(
      (node) => node.device !== null || node.reachableEndpoints.length > 0 || grantedRoutes(node).length > 0,
    );
    // As themselves: that a gateway is seen for the sake of its devices makes it nobody's peer.
    const alone = concerned.map((node) => ({ ...node, device: null }));
    this.#visibility = new Visibility(network, alone, network.policy);
  }

  /** The file of a device; `last` is that of before, `leavesToNewer` as in WantedPeers. Null while no agent can be dialled. */
  wanted(
    device: PairedDevice,
    { wantsNames, preferred }: Pick<DeviceState, 'wantsNames' | 'preferred'>,
    last: DeviceFile | null,
    leavesToNewer = false,
  ): DeviceFile | null {
    return wantedFile({
      device,
      wantsNames,
      preferred,
      last,
      leavesToNewer,
      nodes: this.#all,
      devices: this.#devices,
      network: this.#network,
      now: this.#now,
      routesFor: (node) => {
        if (!this.#visibility.mayMeet(device.id, node.id)) return null;
        return this.#visibility.carriedFor(device.id, node.id)?.routes ?? grantedRoutes(node);
      },
    });
  }

  /** Why a device should be given another file than it has, in words; empty where it should not, and for what is no device. */
  whyOutOfDate(nodeId: string): string[] {
    const node = this.#nodes.get(nodeId);
    if (node === undefined || node.device === null) return [];
    const { device } = node;
    return whyOutOfDate(device.file, this.wanted(node, device, device.file, true), this.#nodes);
  }
}
