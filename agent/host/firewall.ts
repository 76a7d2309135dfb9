import { WarrenError } from '../../shared/errors.ts';
import type { Logger } from '../../shared/log.ts';
import { firewallRules, withoutFirewall } from '../mesh/firewall-rules.ts';
import type { NetworkMap } from '../mesh/network-map.ts';
import type { HostFeature } from './host-feature.ts';
import { runCommand } from './run-command.ts';
import { SEGMENT_PORT } from './segment-rules.ts';

/**
 * One nftables table that guards this host's side of the mesh. It stays when the agent is killed: what the policy denies is denied
 * until the next start, which brings it up to date, or the next orderly end.
 */
export class Firewall implements HostFeature {
  readonly when = 'before-peers';
  readonly #interfaceName: string;
  readonly #listenPort: () => number;
  readonly #log: Logger;
  /** What stands; null before anything was set. */
  #applied: string | null = null;
  #hasTold = false;

  constructor(interfaceName: string, listenPort: () => number, log: Logger) {
    this.#interfaceName = interfaceName;
    this.#listenPort = listenPort;
    this.#log = log;
  }

  /** Throws `unsupported` where a policy cannot be enforced: nothing passes then. */
  async apply({ self }: NetworkMap): Promise<void> {
    const rules = firewallRules({
      interfaceName: this.#interfaceName,
      listenPort: this.#listenPort(),
      overlay: self.networkPrefixes,
      filter: self.filter,
      carries: self.approvedRoutes.length > 0 || self.exitNodeApproved,
      multicast: self.multicast,
      openPorts: self.segments.length > 0 ? [SEGMENT_PORT] : [],
    });
    if (rules === this.#applied) return;
    try {
      await runCommand('nft', ['-f', '-'], rules);
      this.#applied = rules;
    } catch (error) {
      if (!(error instanceof WarrenError) || error.code !== 'unsupported') throw error;
      if (self.filter !== undefined) {
        throw new WarrenError(
          'unsupported',
          'this network has a policy, and without nftables it cannot be enforced',
          {
            hint: 'install nftables',
            cause: error,
          },
        );
      }
      if (!this.#hasTold)
        this.#log.warn('nftables is missing: forged packets from other networks are not kept out');
      this.#hasTold = true;
    }
  }

  async close(): Promise<void> {
    if (this.#applied !== null) await runCommand('nft', ['-f', '-'], withoutFirewall(this.#interfaceName));
  }
}
