import { WarrenError } from '../../../shared/errors.ts';

/** Classes and codes of SQLSTATE (PostgreSQL manual, appendix A) after which trying again can help. */
const AWAY = /^(08|53|57P|40|55P03|57014|25P03)/;
/** The server does not let us in as configured. */
const REFUSED = /^(28|3D|42501)/;
/** What sockets, name look-ups and pg itself say when the server is not there. */
const NETWORK =
  /ECONN|EPIPE|ENOENT|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|EAI_AGAIN|timeout|terminated|Connection ended|not queryable|after calling end/i;

/** What pg threw, as a WarrenError. `where` names the server without its password. */
export function explainPostgresError(error: unknown, where: string): Error {
  if (error instanceof WarrenError) return error;
  const text = firstMessage(error);
  const code = (error as { code?: unknown } | null)?.code;
  const state = typeof code === 'string' ? code : '';
  const say = (as: 'unavailable' | 'internal', why: string, hint: string) =>
    new WarrenError(as, `the database at ${where} ${why}`, { hint, cause: error });
  if (AWAY.test(state)) return say('unavailable', `does not answer: ${text}`, 'try again');
  if (REFUSED.test(state)) return say('unavailable', `refuses: ${text}`, 'check --database and its rights');
  if (NETWORK.test(state) || NETWORK.test(text)) {
    return say('unavailable', `is away: ${text}`, 'check that it runs and can be reached');
  }
  return say('internal', `failed: ${text}`, 'report this');
}

/** The message of an error, or of the first that an AggregateError (several addresses tried) holds. */
function firstMessage(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return firstMessage(error.errors[0]);
  return error instanceof Error ? error.message : String(error);
}
