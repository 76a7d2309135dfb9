/**
 * A tunnel as `bin/agent tunnel` opens it, with some offloads left off: `offload-tunnel.ts IFNAME [OFFLOAD,...]`. Prints what
 * the tunnel says of itself as a line of JSON, is configured by wg(8), and ends with its interface or on SIGTERM.
 */
import type { OffloadName } from '../../agent/tunnel/commands.ts';
import { Tunnel } from '../../agent/tunnel/tunnel.ts';
import { UapiServer } from '../../agent/uapi/server.ts';
import { createLogger } from '../../shared/log.ts';

const [interfaceName = '', disabled = ''] = process.argv.slice(2);
const tunnel = await Tunnel.open(
  {
    driver: 'linux',
    interfaceName,
    mtu: 1420,
    disableOffloads: disabled.split(',').filter(Boolean) as OffloadName[],
  },
  () => {},
);
const server = await UapiServer.listen(tunnel, createLogger('warn', interfaceName));
process.once('SIGTERM', () => void tunnel.close());
process.stdout.write(`${JSON.stringify(tunnel.facts)}\n`);
await tunnel.closed;
await server.close();
