import { WarrenError } from '../../shared/errors.ts';
import type { Call } from '../grpc/caller.ts';
import type { RelayRecord } from '../store/contract/relays.ts';
import type { Store } from '../store/store.ts';
import { commonName } from './certificate-name.ts';

/** The relay that calls: one that shows a certificate of our authority and that is still there. */
export async function callingRelay(call: Call, store: Store): Promise<RelayRecord> {
  const raw = call.getAuthContext().sslPeerCertificate?.raw;
  const id = raw === undefined ? null : commonName(raw);
  const relay = id === null ? null : await store.relay(id);
  if (relay === null) throw relayUnknown();
  return relay;
}

export function relayUnknown(): WarrenError {
  return new WarrenError('unauthenticated', 'this coordinator does not know the calling relay', {
    hint: 'enrol it with a new token: `coordinator token create --relay`',
  });
}
