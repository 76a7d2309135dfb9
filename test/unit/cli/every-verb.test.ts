import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '../../..');

/** Every verb of a program, however deep, by its words. */
async function verbsOf(program: 'agent' | 'coordinator'): Promise<[string, Command][]> {
  const folder = join(ROOT, program, 'cli');
  const files = readdirSync(folder).filter((name) => !name.startsWith('run-'));
  const modules = await Promise.all(files.map((name) => import(join(folder, name))));
  const made = modules.flatMap((module) =>
    Object.entries(module).flatMap(([name, value]) =>
      /[a-z]Command$/.test(name) ? [(value as () => Command)()] : [],
    ),
  );
  const leaves = (command: Command, path: string): [string, Command][] =>
    command.commands.length === 0
      ? [[path, command]]
      : command.commands.flatMap((child) => leaves(child, `${path} ${child.name()}`));
  return made.flatMap((command) => leaves(command, command.name()));
}

/** Run in the foreground until they are ended. */
const FOREGROUND = ['serve', 'relay', 'join', 'up', 'tunnel', 'capture'];

describe.each(['agent', 'coordinator'] as const)('every verb of %s', (program) => {
  it('has help with an example of itself, which begins as it is typed', async () => {
    const verbs = await verbsOf(program);
    expect(verbs.length).toBeGreaterThan(10);
    for (const [path, command] of verbs) {
      let help = '';
      command.configureOutput({ writeOut: (text) => (help += text) });
      command.outputHelp();
      expect(help, path).toMatch(new RegExp(`\nExamples?:\n  bin/${program} ${path}( |\n|$)`));
      expect(help, path).not.toContain('--data DIR');
    }
  });

  it('that reads or changes something and ends takes --json', async () => {
    for (const [path, command] of await verbsOf(program)) {
      if (FOREGROUND.includes(path) || path.startsWith('service ')) continue;
      expect(
        command.options.some(({ long }) => long === '--json'),
        path,
      ).toBe(true);
    }
  });
});
