import { resolve } from 'node:path';
import {
  installUnit,
  isActive,
  type SystemdUnit,
  uninstallUnit,
  unitArgument,
  unitValue,
} from '../../shared/systemd-unit.ts';
import { State } from '../state/state.ts';
import { GUARD_NAME, guardUnit } from './guard-unit.ts';

const NAME = 'warren-agent';
const PROGRAM = resolve(import.meta.dirname, '../../bin/agent');

/** Writes, enables and starts the service, or prints it. Throws `not-found` on a host that has not joined, `in-use` beside another agent. */
export function install(folder: string, dryRun: boolean): void {
  const unit = agentUnit(PROGRAM, process.execPath, resolve(folder));
  const guard = guardUnit(resolve(folder));
  if (dryRun) {
    const comment = guard.text
      .trimEnd()
      .replaceAll(/^(?=.)/gm, '# ')
      .replaceAll(/^$/gm, '#');
    process.stdout.write(`${unit.text}\n# ${GUARD_NAME}.service, which it wants:\n#\n${comment}\n`);
    return;
  }
  const state = State.open(folder, { create: false });
  state.joinedIdentity();
  // One that somebody started by hand would keep the service from running.
  if (!isActive(NAME)) state.lock().release();
  installUnit(unit, [guard]);
  process.stdout.write(`${NAME} is enabled and started: journalctl -u ${NAME}\n`);
}

export function uninstall(): void {
  const wasThere = uninstallUnit(NAME, [GUARD_NAME]);
  process.stdout.write(wasThere ? `${NAME} is stopped and gone\n` : `there is no ${NAME}\n`);
}

/**
 * The agent as a service: root, with the capabilities that interfaces, port 53 and ping take and no other; what it may write are its
 * folder, /etc/resolv.conf and the kernel's network settings.
 */
export function agentUnit(program: string, node: string, state: string): SystemdUnit {
  const text = `[Unit]
Description=Warren agent, a member of a mesh network
After=network-online.target nss-lookup.target ${GUARD_NAME}.service
Wants=network-online.target ${GUARD_NAME}.service

[Service]
ExecStart=${unitArgument(program)} up --state ${unitArgument(state)}
Environment=${unitValue(`WARREN_NODE=${node}`)}
Restart=on-failure
RestartSec=2
# The agent alone is told to end: nft and ip, which it runs, finish what they have begun.
KillMode=mixed

CapabilityBoundingSet=CAP_NET_ADMIN CAP_NET_BIND_SERVICE CAP_NET_RAW
DeviceAllow=/dev/net/tun rw
DevicePolicy=closed
KeyringMode=private
LockPersonality=yes
NoNewPrivileges=yes
PrivateTmp=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHome=read-only
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectSystem=yes
ReadWritePaths=${unitValue(`-${state}`)}
RemoveIPC=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_NETLINK AF_PACKET AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
SystemCallErrorNumber=EPERM
SystemCallFilter=@system-service
UMask=0077

[Install]
WantedBy=multi-user.target
`;
  return { name: NAME, text };
}
