import { Command } from 'commander';
import { runProgram } from '../shared/command-line.ts';
import { VERSION } from '../shared/version.ts';
import { captureCommand } from './cli/capture.ts';
import { exitNodeCommand } from './cli/exit-node.ts';
import { flowsCommand } from './cli/flows.ts';
import { joinCommand } from './cli/join.ts';
import { leaveCommand } from './cli/leave.ts';
import { netcheckCommand } from './cli/netcheck.ts';
import { pingCommand } from './cli/ping.ts';
import { rulesCommand } from './cli/rules.ts';
import { serviceCommand } from './cli/service.ts';
import { statusCommand } from './cli/status.ts';
import { tunnelCommand } from './cli/tunnel.ts';
import { upCommand } from './cli/up.ts';

/** Composition root of `bin/agent`. */
const program = new Command('agent')
  .description('Warren agent: makes this host a member of a mesh network')
  .version(VERSION)
  .addCommand(joinCommand())
  .addCommand(upCommand())
  .addCommand(statusCommand())
  .addCommand(pingCommand())
  .addCommand(netcheckCommand())
  .addCommand(captureCommand())
  .addCommand(flowsCommand())
  .addCommand(exitNodeCommand())
  .addCommand(rulesCommand())
  .addCommand(leaveCommand())
  .addCommand(serviceCommand())
  .addCommand(tunnelCommand())
  .addHelpText('after', '\nExamples:\n  bin/agent join TOKEN\n  bin/agent status\n  bin/agent ping --help');

program
  .command('compile-ahead', { hidden: true })
  .description('compile all code of the agent, so that the first start finds it compiled')
  .action(async () => (await import('./cli/compile-ahead.ts')).compileAhead());

await runProgram(program, process.argv);
