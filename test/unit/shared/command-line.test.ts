import { Command, Option } from 'commander';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { listenOption } from '../../../shared/arguments.ts';
import { runProgram } from '../../../shared/command-line.ts';

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
