import { asCalled } from './program-name.ts';

/** What can go wrong off the hot path. The code is for programs and tables, the message and the hint are for people. */
export type ErrorCode =
  | 'usage' // a wrong flag, value or file given by the user
  | 'unauthenticated' // token or certificate not accepted
  | 'permission-denied' // known, but not allowed
  | 'not-found'
  | 'already-exists'
  | 'in-use' // a port, device, state folder that somebody else holds
  | 'exhausted' // no address left, too large, too many
  | 'conflict' // collides with something on this host or in the network
  | 'stale' // based on a state that is no longer so
  | 'unavailable' // the other end or the database is away; trying again can help
  | 'incompatible' // another protocol, schema or file version
  | 'corrupt' // a file or a database that is not what it should be
  | 'untrusted' // a certificate that does not match its pin
  | 'unsupported' // this host cannot do it
  | 'internal';

/**
 * The one error class. `message` says what failed and why, `hint` what to do about it; both fit on one line together.
 */
export class WarrenError extends Error {
  override readonly name = 'WarrenError';
  readonly code: ErrorCode;
  readonly hint: string | undefined;

  constructor(code: ErrorCode, message: string, options: { hint?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = options.hint;
  }
}

/** One line for a person: what failed, why, and what to do, in commands that can be pasted here. Never a stack, never a newline. */
export function describeError(error: unknown): string {
  const text =
    error instanceof WarrenError
      ? error.hint === undefined
        ? error.message
        : `${error.message}; ${error.hint}`
      : error instanceof Error
        ? error.message
        : String(error);
  return asCalled(text).replace(/\s*[\r\n]+\s*/g, ' ');
}
