import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parsePolicy } from '../../../../coordinator/network/policy/parse.ts';
import { runTests } from '../../../../coordinator/network/policy/run-tests.ts';

const folder = new URL('field/', import.meta.url);
const read = (name: string) => readFileSync(new URL(name, folder), 'utf8');

/** Files as people of Tailscale and headscale write them. What Warren refuses is marked in them, and nothing else is. */
describe('policy files of the field', () => {
  const names = readdirSync(folder);
  const isMarked = (name: string) => read(name).includes('// refused\n');

  it.each(names.filter((name) => !isMarked(name) && name !== 'headscale-old-users.json'))(
    '%s is taken unchanged, and its tests hold',
    (name) => {
      const { document, problems, warnings } = parsePolicy(read(name));
      expect([problems, warnings.filter(({ message }) => !message.includes('host bits'))]).toEqual([[], []]);
      expect(runTests(document!, null)).toEqual([]);
      expect(document!.rules.length).toBeGreaterThan(0);
    },
  );

  it.each(names.filter(isMarked))('%s is refused where it says what Warren does not carry', (name) => {
    const marked = read(name)
      .split('\n')
      .flatMap((line, index) => (line.endsWith('// refused') ? [index + 1] : []));
    const { document, problems } = parsePolicy(read(name));
    expect(document).toBeNull();
    expect(problems.map(({ line }) => line)).toEqual(marked);
    for (const { message } of problems) expect(message).toContain('not supported');
  });

  it('users without an @, as headscale had them before 0.26, are told how they are written now', () => {
    const { problems } = parsePolicy(read('headscale-old-users.json'));
    expect(problems.map(({ line, column }) => `${line}:${column}`)).toEqual(['3:22', '3:29', '7:35', '8:35']);
    for (const { message } of problems) expect(message).toMatch(/"(mum|dad)" .*user@/);
  });
});
