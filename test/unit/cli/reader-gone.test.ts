import { join } from 'node:path';
import { expect, it } from 'vitest';
import { run } from '../../support/process.ts';

it.each(['coordinator', 'agent'])(
  '%s says nothing when whoever reads its output is gone',
  async (program) => {
    const command = join(import.meta.dirname, '../../../bin', program);
    expect(await run('sh', ['-c', `${command} --help | true`])).toEqual({
      stdout: '',
      stderr: '',
      status: 0,
    });
  },
);
