import { fstatSync } from 'node:fs';

/** pino's levels (10 is trace, 60 fatal) as syslog's, which journalctl filters and colours by: sd-daemon(3), `journalctl -p warning`. */
const PRIORITIES = [
  [60, 2],
  [50, 3],
  [40, 4],
  [30, 6],
] as const;
const DEBUG = 7;
const PLAIN = /^[\w.:/@+-]+$/;

/** Whether standard error is systemd's journal, and not only that of a process that started this one (systemd.exec(5), $JOURNAL_STREAM). */
export function isJournal(descriptor: number, stream = process.env.JOURNAL_STREAM): boolean {
  if (stream === undefined) return false;
  const { dev, ino } = fstatSync(descriptor, { bigint: true });
  return stream === `${dev}:${ino}`;
}

/**
 * A line of pino's as people read it, for the journal, which has time and program already: its priority, what it says, and the fields.
 * Text that is more than a word is quoted as in JSON, so that nothing that came from outside makes a line of its own.
 */
export function journalLine(line: string, program: string): string {
  const { level, time: _, msg, name, ...fields } = JSON.parse(line) as Record<string, unknown>;
  const priority = PRIORITIES.find(([least]) => Number(level) >= least)?.[1] ?? DEBUG;
  const told = Object.entries(name === program ? fields : { name, ...fields }).map(
    ([key, value]) =>
      ` ${key}=${typeof value === 'string' && PLAIN.test(value) ? value : JSON.stringify(value)}`,
  );
  return `<${priority}>${String(msg).replaceAll(/\p{Cc}+/gu, ' ')}${told.join('')}\n`;
}
