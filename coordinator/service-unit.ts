import { resolve } from 'node:path';
import { WarrenError } from '../shared/errors.ts';
import { type SystemdUnit, unitArgument, unitValue } from '../shared/systemd-unit.ts';

export const NAME = 'warren-coordinator';
export const programPath = resolve(import.meta.dirname, '../bin/coordinator');

/** Where systemd makes folders for services (StateDirectory= in systemd.exec(5)). */
const STATE = '/var/lib/';
const HOMES = ['/home/', '/root/', '/run/user/'];

/**
 * The coordinator as a service: a user of its own without rights, a folder of its own, and nothing else of the host that can be
 * written or need be seen. `flags` are those of serve. Throws `usage` for a folder elsewhere, or a program in a home folder.
 */
export function coordinatorUnit(
  program: string,
  node: string,
  data: string,
  flags: readonly string[],
): SystemdUnit {
  const folder = resolve(data);
  if (!folder.startsWith(STATE) || !/^[\w.-]+(\/[\w.-]+)*$/.test(folder.slice(STATE.length))) {
    throw new WarrenError(
      'usage',
      `the folder of the service lies below ${STATE}, where systemd makes it, not at ${folder}`,
      {
        hint: 'move the data there: docs/deploying.md, backup and restore',
      },
    );
  }
  for (const path of [program, node]) {
    if (!HOMES.some((home) => path.startsWith(home))) continue;
    throw new WarrenError('usage', `${path} lies in a home folder, which the service does not see`, {
      hint: 'install Warren and Node.js where every user can read them, such as /opt/warren',
    });
  }
  const command = [program, 'serve', '--data', folder, ...flags].map(unitArgument).join(' ');
  // Node.js writes machine code: MemoryDenyWriteExecute= would end it. AF_NETLINK is how the addresses of the host are asked for.
  const text = `[Unit]
Description=Warren coordinator, which knows the members of a mesh network
After=network-online.target nss-lookup.target
Wants=network-online.target

[Service]
ExecStart=${command}
Environment=${unitValue(`WARREN_NODE=${node}`)}
Restart=on-failure
RestartSec=2
TimeoutStopSec=30

DynamicUser=yes
StateDirectory=${folder.slice(STATE.length)}
StateDirectoryMode=0700
AmbientCapabilities=${flags.some(isLowPort) ? 'CAP_NET_BIND_SERVICE' : ''}
CapabilityBoundingSet=${flags.some(isLowPort) ? 'CAP_NET_BIND_SERVICE' : ''}
DevicePolicy=closed
KeyringMode=private
LockPersonality=yes
NoNewPrivileges=yes
PrivateDevices=yes
PrivateTmp=yes
ProcSubset=pid
ProtectClock=yes
ProtectControlGroups=yes
ProtectHome=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
ProtectSystem=strict
RemoveIPC=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_NETLINK AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
SystemCallErrorNumber=EPERM
SystemCallFilter=@system-service
SystemCallFilter=~@privileged
UMask=0077

[Install]
WantedBy=multi-user.target
`;
  return { name: NAME, text };
}

/** Whether a flag's value is an address with a port that needs a capability. */
function isLowPort(value: string): boolean {
  const port = /^[^/]*:(\d+)$/.exec(value)?.[1];
  return port !== undefined && Number(port) > 0 && Number(port) < 1024;
}
