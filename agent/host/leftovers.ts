import { describeError } from '../../shared/errors.ts';
import type { Logger } from '../../shared/log.ts';
import { FlowTracking } from '../flows/flow-tracking.ts';
import { removeExitLeftovers } from './exit-use.ts';
import { Firewall } from './firewall.ts';
import { Forwarding } from './forwarding.ts';
import { restoreHostResolver } from './host-resolver.ts';
import { SegmentDevices } from './segment-devices.ts';

/**
 * Takes off this host what an agent that was killed left on it, where no other is to follow: devices of segments, forwarding, tables of
 * nftables, rules of an exit node, the resolver. Its interface went with it, and its routes with that. What cannot be taken away
 * does not keep the rest.
 */
export async function removeLeftovers(
  interfaceName: string,
  stateFolder: string,
  mtu: number,
  log: Logger,
): Promise<void> {
  const tracking = new FlowTracking(interfaceName);
  const steps: (() => Promise<void> | void)[] = [
    () => restoreHostResolver(stateFolder, log),
    () => new SegmentDevices(interfaceName, mtu, [], log).close(),
    () => new Forwarding(interfaceName, { translatesSources: true, siteToSite: false }).removeLeftovers(),
    async () => {
      await tracking.apply();
      await tracking.close();
    },
    () => Firewall.removeLeftovers(interfaceName),
    () => removeExitLeftovers(interfaceName, stateFolder),
  ];
  for (const step of steps) {
    try {
      await step();
    } catch (error) {
      log.error({ reason: describeError(error) }, 'a part of the host was not restored');
    }
  }
}
