import { createConnection } from 'node:net';
import { type ErrorCode, WarrenError } from '../../shared/errors.ts';

/** How long to wait for an answer, milliseconds; the longest question is `leave`, which asks the coordinator. */
const PATIENCE = 60_000;

interface Answer {
  result?: unknown;
  error?: { code: string; message: string; hint?: string };
}

/**
 * Asks the running agent behind a socket. Throws `unavailable` when none runs there or it does not answer, `permission-denied` when this user may
 * not ask, and whatever the agent answers.
 */
export function askAgent<T>(
  socketPath: string,
  verb: string,
  args: unknown = null,
  options: { patience?: number } = {},
): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const socket = createConnection(socketPath);
    let text = '';
    socket.setEncoding('utf8');
    socket.setTimeout(options.patience ?? PATIENCE, () => {
      socket.destroy();
      reject(
        new WarrenError('unavailable', `the agent at ${socketPath} does not answer`, {
          hint: 'stop it and start it again: bin/agent up',
        }),
      );
    });
    socket.on('connect', () => socket.write(`${JSON.stringify({ verb, args })}\n`));
    socket.on('data', (part: string) => {
      text += part;
    });
    socket.on('error', (cause: NodeJS.ErrnoException) => reject(connectError(socketPath, cause)));
    socket.on('end', () => {
      try {
        const answer = JSON.parse(text) as Answer;
        if (answer.error === undefined) resolve(answer.result as T);
        else {
          const { code, message, hint } = answer.error;
          reject(new WarrenError(code as ErrorCode, message, hint === undefined ? {} : { hint }));
        }
      } catch (cause) {
        reject(new WarrenError('unavailable', 'the agent ended before it answered', { cause }));
      }
    });
  });
}

function connectError(socketPath: string, cause: NodeJS.ErrnoException): WarrenError {
  if (cause.code === 'EACCES' || cause.code === 'EPERM') {
    return new WarrenError('permission-denied', `not allowed to talk to the agent at ${socketPath}`, {
      hint: 'run as root',
      cause,
    });
  }
  return new WarrenError('unavailable', `no agent is running on ${socketPath.replace(/\/[^/]*$/, '')}`, {
    hint: 'start it with: bin/agent up (or give its folder with --state)',
    cause,
  });
}
