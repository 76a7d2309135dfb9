import type { NetworkMap } from '../mesh/network-map.ts';
import type { WantedState } from '../mesh/wanted-state.ts';

/** A part of this host that follows the map beside the interface and its peers: firewall, forwarding, names. */
export interface HostFeature {
  /** A firewall stands before the first peer can send; what needs the interface's addresses comes when they are there. */
  readonly when: 'before-peers' | 'after-routes';
  /**
   * Brings the host to what the map wants, by the differences, and takes away what a killed predecessor left. Doing it twice
   * changes nothing the second time. Throws what the host refuses: it is logged, and tried again.
   */
  apply(map: NetworkMap, wanted: WantedState): Promise<void>;
  /** Takes all of it off the host; nothing is applied from then on. */
  close(): Promise<void>;
}
