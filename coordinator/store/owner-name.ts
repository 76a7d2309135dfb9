import { WarrenError } from '../../shared/errors.ts';
import { userNamed } from './accounts/users.ts';
import type { Tx } from './schema.ts';

/** An owner that is nobody's account. */
export class UnknownOwner extends WarrenError {
  constructor(text: string) {
    super('not-found', `there is no account ${JSON.stringify(text.slice(0, 128))}`, {
      hint: "an owner is an account's name, as the page Users and `coordinator admin list` have it; leave it out for nobody's",
    });
  }
}

/** The name of an account, as it is stored, by what somebody wrote; empty for nothing. Throws UnknownOwner. */
export async function ownerNamed(tx: Tx, text: string): Promise<string> {
  if (text.trim() === '') return '';
  const user = await userNamed(tx, text);
  if (user === null) throw new UnknownOwner(text);
  return user.name;
}
