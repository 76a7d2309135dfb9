import { Command } from 'commander';
import { runProgram } from '../shared/command-line.ts';
import { VERSION } from '../shared/version.ts';

/** The verbs in the order of --help. Each has a file of its own, and of a verb that is called no other is loaded. */
const VERBS: Readonly<Record<string, () => Promise<Command>>> = {
  serve: async () => (await import('./cli/serve.ts')).serveCommand(),
  service: async () => (await import('./cli/service.ts')).serviceCommand(),
  token: async () => (await import('./cli/token.ts')).tokenCommand(),
  network: async () => (await import('./cli/network.ts')).networkCommand(),
  dns: async () => (await import('./cli/dns.ts')).dnsCommand(),
  nodes: async () => (await import('./cli/nodes.ts')).nodesCommand(),
  device: async () => (await import('./cli/device.ts')).deviceCommand(),
  routes: async () => (await import('./cli/routes.ts')).routesCommand(),
  'exit-nodes': async () => (await import('./cli/exit-nodes.ts')).exitNodesCommand(),
  policy: async () => (await import('./cli/policy.ts')).policyCommand(),
  segments: async () => (await import('./cli/segments.ts')).segmentsCommand(),
  relay: async () => (await import('./cli/relay.ts')).relayCommand(),
  relays: async () => (await import('./cli/relays.ts')).relaysCommand(),
  audit: async () => (await import('./cli/audit.ts')).auditCommand(),
  backup: async () => (await import('./cli/backup.ts')).backupCommand(),
  admin: async () => (await import('./cli/admin.ts')).adminCommand(),
};

/** Which of them these arguments need: the help of the program and its complaints name all of them. */
function needed([first]: readonly string[]): readonly string[] {
  if (first === '--version' || first === '-V') return [];
  return first !== undefined && Object.hasOwn(VERBS, first) ? [first] : Object.keys(VERBS);
}

/** Composition root of `bin/coordinator`. */
const program = new Command('coordinator')
  .description('Warren coordinator: keeps who belongs to a network and hands out addresses, keys and routes')
  .version(VERSION)
  // `policy show` has a --version of its own.
  .enablePositionalOptions()
  .addHelpText(
    'after',
    '\nExamples:\n  bin/coordinator serve --data /var/lib/warren-coordinator\n  bin/coordinator token create --data /var/lib/warren-coordinator\n  bin/coordinator token create --help',
  );

for (const verb of needed(process.argv.slice(2)))
  program.addCommand(await (VERBS[verb] as () => Promise<Command>)());

await runProgram(program, process.argv);
