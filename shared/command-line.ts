import { type Command, CommanderError, Help, type Option } from 'commander';
import { describeError, WarrenError } from './errors.ts';
import { printJson, wasJsonPrinted } from './print-json.ts';
import { asCalled, programName } from './program-name.ts';

/** Status of a command that was called wrongly. */
const USAGE_STATUS = 2;
const FAILURE_STATUS = 1;
/** 128 + SIGPIPE, as a shell counts. */
const SIGPIPE_STATUS = 141;

/**
 * Runs a program by its arguments and ends with the status that the contract names: 0, 1 for a failure, 2 for a wrong
 * flag or value. Whatever goes wrong is one line on standard error, with what to do next; with `--json` it is on standard output
 * too, as the one document that a verb prints, if it printed none.
 */
export async function runProgram(program: Command, argv: readonly string[]): Promise<void> {
  strictly(program);
  process.stdout.on('error', endWithReader);
  program.name(programName(program.name()));
  const isJson = argv.includes('--json');
  try {
    await program.parseAsync(argv);
  } catch (error) {
    if (error instanceof CommanderError) {
      process.exitCode = error.exitCode === 0 ? 0 : USAGE_STATUS;
      if (isJson && process.exitCode !== 0)
        printJson({ error: { code: 'usage', message: oneLine(error.message).replace(/^error: /, '') } });
      return;
    }
    if (isJson && !wasJsonPrinted()) printJson({ error: errorForPrograms(error) });
    process.stderr.write(`error: ${describeError(error)}\n`);
    process.exitCode = error instanceof WarrenError && error.code === 'usage' ? USAGE_STATUS : FAILURE_STATUS;
  }
}

/** Whoever read the output is gone (`… | head`): ends in order, and as quietly as SIGPIPE would have it, which Node.js ignores. */
function endWithReader(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error;
  if (process.listenerCount('SIGTERM') > 0) process.kill(process.pid, 'SIGTERM');
  else process.exit(SIGPIPE_STATUS);
}

/** What `--json` prints of a failure. */
export function errorForPrograms(error: unknown): { code: string; message: string; hint?: string } {
  if (!(error instanceof WarrenError)) return { code: 'internal', message: describeError(error) };
  const { code, message, hint } = error;
  return { code, message: asCalled(message), ...(hint === undefined ? {} : { hint: asCalled(hint) }) };
}

/** Every command, however deep: throws instead of exiting, keeps its complaints to one line, and its help to what tells something. */
function strictly(command: Command): void {
  command.exitOverride();
  command.configureOutput({
    writeOut: (text) => process.stdout.write(asCalled(text)),
    outputError: (text, write) => write(`${oneLine(text)}; see --help\n`),
  });
  command.configureHelp({ optionDescription, subcommandTerm });
  const [first] = command.commands;
  if (first !== undefined && command.parent !== null) {
    command.addHelpText('after', `\nEach has an example: ${pathOf(first)} --help`);
  }
  for (const child of command.commands) strictly(child);
}

/** Without defaults that say nothing: that a flag is off, that a list is empty. */
function optionDescription(this: Help, option: Option): string {
  const { defaultValue: value } = option;
  const saysNothing = value === false || value === '' || (Array.isArray(value) && value.length === 0);
  const shown = saysNothing ? Object.assign(Object.create(option), { defaultValue: undefined }) : option;
  return Help.prototype.optionDescription.call(this, shown);
}

/** Without other spellings, which are there for scripts of before. */
function subcommandTerm(this: Help, command: Command): string {
  return Help.prototype.subcommandTerm.call(this, command).replace(/^([^|\s]+)\|\S+/, '$1');
}

function pathOf(command: Command): string {
  return command.parent === null ? `bin/${command.name()}` : `${pathOf(command.parent)} ${command.name()}`;
}

function oneLine(text: string): string {
  return text
    .trim()
    .replace(/\s*\n\s*/g, ' ')
    .replace(/\.$/, '');
}
