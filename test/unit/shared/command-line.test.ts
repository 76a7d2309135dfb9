import { Command, Option } from 'commander';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { listenOption } from '../../../shared/arguments.ts';
import { runProgram } from '../../../shared/command-line.ts';
import { WarrenError } from '../../../shared/errors.ts';

/** A program as both of ours are, and what its help says with a line for each entry. */
async function helpOf(...path: string[]): Promise<string> {
  const leaf = new Command('start')
    .alias('begin')
    .description('start it')
    .addOption(listenOption('--listen <host:port>', 'where', '0.0.0.0:8443'))
    .addOption(new Option('--level <level>', 'how loud').default('info'))
    .option('--json', 'for programs', false)
    .option('--segment <name,...>', 'of these', [])
    .option('--owner <user>', 'whose', '');
  const program = new Command('warren').addCommand(new Command('engine').addCommand(leaf));
  const written = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  await runProgram(program, ['node', 'warren', ...path, '--help']);
  return written.mock.calls.join('');
}

afterEach(() => vi.restoreAllMocks());

describe('help', () => {
  it('shows defaults as they are typed, and none that say nothing', async () => {
    const help = await helpOf('engine', 'start');
    expect(help).toContain('where (default: 0.0.0.0:8443)\n');
    expect(help).toContain('how loud (default: "info")\n');
    expect(help).toMatch(/for programs\n.*of these\n.*whose\n/);
  });

  it('of a group names its verbs once, and where an example is', async () => {
    const help = await helpOf('engine');
    expect(help).toMatch(/\n {2}start \[options\] +start it\n/);
    expect(help).toMatch(/\nEach has an example: bin\/warren engine start --help\n$/);
  });
});

describe('a failure', () => {
  const failing = async (error: Error, ...args: string[]) => {
    const program = new Command('warren').addCommand(
      new Command('start').option('--json').action(() => {
        throw error;
      }),
    );
    const out = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
    const err = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    await runProgram(program, ['node', 'warren', 'start', ...args]);
    const { exitCode } = process;
    process.exitCode = 0;
    return { exitCode, stdout: out.mock.calls.join(''), stderr: err.mock.calls.join('') };
  };
  const error = new WarrenError('not-found', 'there is none', { hint: 'make one' });

  it('is a line on standard error, and with --json a document on standard output too', async () => {
    const stderr = 'error: there is none; make one\n';
    expect(await failing(error)).toEqual({ exitCode: 1, stdout: '', stderr });
    vi.restoreAllMocks();
    const { stdout, ...rest } = await failing(error, '--json');
    expect(rest).toEqual({ exitCode: 1, stderr });
    expect(JSON.parse(stdout)).toEqual({
      error: { code: 'not-found', message: 'there is none', hint: 'make one' },
    });
  });

  it('of who calls it is that too', async () => {
    const { stdout, exitCode } = await failing(error, '--json', '--nonsense');
    expect(exitCode).toBe(2);
    expect(JSON.parse(stdout)).toEqual({
      error: { code: 'usage', message: expect.stringContaining("unknown option '--nonsense'") },
    });
  });
});
