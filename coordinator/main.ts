import { Command } from 'commander';
import { runProgram } from '../shared/command-line.ts';
import { VERSION } from '../shared/version.ts';
import { adminCommand } from './cli/admin.ts';
import { auditCommand } from './cli/audit.ts';
import { backupCommand } from './cli/backup.ts';
import { deviceCommand } from './cli/device.ts';
import { dnsCommand } from './cli/dns.ts';
import { exitNodesCommand } from './cli/exit-nodes.ts';
import { networkCommand } from './cli/network.ts';
import { nodesCommand } from './cli/nodes.ts';
import { policyCommand } from './cli/policy.ts';
import { relayCommand } from './cli/relay.ts';
import { relaysCommand } from './cli/relays.ts';
import { routesCommand } from './cli/routes.ts';
import { segmentsCommand } from './cli/segments.ts';
import { serveCommand } from './cli/serve.ts';
import { serviceCommand } from './cli/service.ts';
import { tokenCommand } from './cli/token.ts';

/** Composition root of `bin/coordinator`. */
const program = new Command('coordinator')
  .description('Warren coordinator: keeps who belongs to a network and hands out addresses, keys and routes')
  .version(VERSION)
  // `policy show` has a --version of its own.
  .enablePositionalOptions()
  .addCommand(serveCommand())
  .addCommand(serviceCommand())
  .addCommand(tokenCommand())
  .addCommand(networkCommand())
  .addCommand(dnsCommand())
  .addCommand(nodesCommand())
  .addCommand(deviceCommand())
  .addCommand(routesCommand())
  .addCommand(exitNodesCommand())
  .addCommand(policyCommand())
  .addCommand(segmentsCommand())
  .addCommand(relayCommand())
  .addCommand(relaysCommand())
  .addCommand(auditCommand())
  .addCommand(backupCommand())
  .addCommand(adminCommand())
  .addHelpText(
    'after',
    '\nExamples:\n  bin/coordinator serve --data /var/lib/warren-coordinator\n  bin/coordinator token create --data /var/lib/warren-coordinator\n  bin/coordinator token create --help',
  );

await runProgram(program, process.argv);
