import { describe, expect, it } from 'vitest';
import { describeError, WarrenError } from '../../../shared/errors.ts';

describe('errors for people', () => {
  it.each([
    [new WarrenError('in-use', 'port 1 is taken', { hint: 'take another' }), 'port 1 is taken; take another'],
    [new WarrenError('internal', 'broken'), 'broken'],
    [new Error('two\nlines'), 'two lines'],
    ['text', 'text'],
  ])('%o is one line', (error, line) => {
    expect(describeError(error)).toBe(line);
  });
});
