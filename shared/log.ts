import { pino } from 'pino';
import { isJournal, journalLine } from './journal-line.ts';
import type { LogLevel } from './log-levels.ts';

export type Logger = pino.Logger;

/** Names under which a secret must never reach a log line, at any level and up to three levels deep. */
const SECRET_FIELDS = [
  'token',
  'secret',
  'tokenSecret',
  'privateKey',
  'presharedKey',
  'password',
  'passphrase',
  'cookie',
  'session',
  'keyProof',
  'authorization',
];

/** A logger on standard error, in JSON lines, or as people read them where that is systemd's journal. Standard output belongs to the commands. */
export function createLogger(level: LogLevel, name: string): Logger {
  const errors = pino.destination({ fd: 2, sync: true });
  return pino(
    {
      name,
      level,
      base: { name },
      timestamp: pino.stdTimeFunctions.isoTime,
      redact: {
        paths: SECRET_FIELDS.flatMap((field) => [field, `*.${field}`, `*.*.${field}`]),
        censor: '[secret]',
      },
    },
    isJournal(2) ? { write: (line: string) => errors.write(journalLine(line, name)) } : errors,
  );
}
