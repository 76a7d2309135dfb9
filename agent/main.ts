import { Command } from 'commander';
import { runProgram } from '../shared/command-line.ts';
import { VERSION } from '../shared/version.ts';
import { tunnelCommand } from './cli/tunnel.ts';

/** Composition root of `bin/agent`. */
const program = new Command('agent')
  .description('Warren agent: makes this host a member of a mesh network')
  .version(VERSION)
  .addCommand(tunnelCommand());

await runProgram(program, process.argv);
