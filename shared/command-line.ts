import { type Command, CommanderError } from 'commander';
import { describeError, WarrenError } from './errors.ts';

/** Status of a command that was called wrongly. */
const USAGE_STATUS = 2;
const FAILURE_STATUS = 1;

/**
 * Runs a program by its arguments and ends with the status that the contract names: 0, 1 for a failure, 2 for a wrong
 * flag or value. Whatever goes wrong is one line on standard error, with what to do next.
 */
export async function runProgram(program: Command, argv: readonly string[]): Promise<void> {
  strictly(program);
  try {
    await program.parseAsync(argv);
  } catch (error) {
    if (error instanceof CommanderError) {
      process.exitCode = error.exitCode === 0 ? 0 : USAGE_STATUS;
      return;
    }
    process.stderr.write(`error: ${describeError(error)}\n`);
    process.exitCode = error instanceof WarrenError && error.code === 'usage' ? USAGE_STATUS : FAILURE_STATUS;
  }
}

/** Every command, however deep: throws instead of exiting, and keeps its complaints to one line. */
function strictly(command: Command): void {
  command.exitOverride();
  command.configureOutput({
    outputError: (text, write) => write(`${oneLine(text)}; see --help\n`),
  });
  for (const child of command.commands) strictly(child);
}

function oneLine(text: string): string {
  return text
    .trim()
    .replace(/\s*\n\s*/g, ' ')
    .replace(/\.$/, '');
}
