import { join } from 'node:path';
import { type SystemdUnit, unitArgument, unitValue, wholeLine } from '../../shared/systemd-unit.ts';
import { GUARD_FILE } from '../state/state.ts';

export const GUARD_NAME = 'warren-agent-guard';

/**
 * What the agent's service wants before it: at boot, before any interface is brought up (systemd.special(7), network-pre.target), the
 * host whose Internet is behind an exit node lets nothing else out. Without an exit node there is no such file, and nothing is done.
 */
export function guardUnit(state: string): SystemdUnit {
  const file = join(state, GUARD_FILE);
  const text = `[Unit]
Description=Warren agent, nothing past the exit node before it runs
DefaultDependencies=no
ConditionPathExists=${wholeLine(file)}
RequiresMountsFor=${unitValue(state)}
Wants=network-pre.target
Before=network-pre.target shutdown.target
Conflicts=shutdown.target
# It may empty the tables of others.
After=nftables.service

[Service]
Type=oneshot
ExecStart=nft -f ${unitArgument(file)}
CapabilityBoundingSet=CAP_NET_ADMIN
NoNewPrivileges=yes
ProtectSystem=strict
RestrictAddressFamilies=AF_NETLINK AF_UNIX
`;
  return { name: GUARD_NAME, text };
}
