import type { Context, MiddlewareHandler } from 'hono';
import type { AdminEnvironment } from './actor.ts';
import { asksToConfirm } from './permissions.ts';

/** Whoever asks has to prove anew who they are first; api/problem.ts makes the answer of it. */
export class ConfirmationRequired extends Error {
  override readonly name = 'ConfirmationRequired';

  constructor() {
    super('confirm who you are first: PUT /account/confirmation, or sign in again');
  }
}

/** Throws `ConfirmationRequired` unless a person signed in or confirmed minutes ago. API keys are not concerned. */
export function requireConfirmed(context: Context<AdminEnvironment>): void {
  if (context.get('confirmedUntil') === null) throw new ConfirmationRequired();
}

/** Holds up what the table of permissions.ts says, before anything of the request is read. */
export const confirmation: MiddlewareHandler<AdminEnvironment> = async (context, next) => {
  if (asksToConfirm(context.req.method, context.req.path)) requireConfirmed(context);
  return next();
};
