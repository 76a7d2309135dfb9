import { closeSync, fstatSync, openSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isJournal, journalLine } from '../../../shared/journal-line.ts';

const line = (fields: object) =>
  journalLine(`${JSON.stringify({ time: '2026-11-26T00:41:30.248Z', name: 'agent', ...fields })}\n`, 'agent');

describe('a line for the journal', () => {
  it.each([
    [10, 7],
    [20, 7],
    [30, 6],
    [40, 4],
    [50, 3],
    [60, 2],
  ])('of level %i has priority %i', (level, priority) => {
    expect(line({ level, msg: 'well' })).toBe(`<${priority}>well\n`);
  });

  it('says its fields after the words, without time and program, which the journal has', () => {
    expect(
      line({
        level: 30,
        node: '7cf40883',
        source: '[2001:db8::1]:8443',
        rejoined: false,
        retryMs: 498,
        msg: 'a node joined',
      }),
    ).toBe('<6>a node joined node=7cf40883 source="[2001:db8::1]:8443" rejoined=false retryMs=498\n');
    expect(line({ level: 30, name: 'oslo', msg: 'a node joined' })).toBe('<6>a node joined name=oslo\n');
  });

  it('stays one line, whatever comes from outside', () => {
    const text = line({
      level: 40,
      reason: 'no\n<0>kernel panic',
      counters: { a: 'b\nc' },
      msg: 'bad\nnews',
    });
    expect(text).toBe('<4>bad news reason="no\\n<0>kernel panic" counters={"a":"b\\nc"}\n');
  });
});

describe('standard error is the journal', () => {
  let file: number;
  beforeAll(() => {
    file = openSync('/dev/null', 'r');
  });
  afterAll(() => closeSync(file));

  it('where $JOURNAL_STREAM names it, and not where it names what a parent had', () => {
    const { dev, ino } = fstatSync(file);
    expect(isJournal(file, `${dev}:${ino}`)).toBe(true);
    expect(isJournal(file, `${dev}:${ino + 1}`)).toBe(false);
    expect(isJournal(file, '')).toBe(false);
  });
});
