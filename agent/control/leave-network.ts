import { WarrenError } from '../../shared/errors.ts';
import { unaryCall } from '../../shared/unary-call.ts';
import type { Identity } from '../state/records.ts';
import { memberClient } from './connect.ts';

/**
 * Tells the coordinator that this node leaves, at the first of its URLs that answers; whether it knows now, or knew. Throws what
 * kept it from hearing, unless the node is to leave all the same (`force`).
 */
export async function leaveNetwork(identity: Identity, force: boolean): Promise<boolean> {
  let last: unknown = null;
  for (const url of identity.urls) {
    const client = memberClient(identity, url);
    try {
      await unaryCall(client.leave.bind(client), {});
      return true;
    } catch (error) {
      last = error;
      // Removed before: there is nothing left to be told.
      if (error instanceof WarrenError && error.code === 'unauthenticated') return true;
    } finally {
      client.close();
    }
  }
  if (!force) throw last;
  return false;
}
