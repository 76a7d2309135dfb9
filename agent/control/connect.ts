import { CoordinatorClient } from '../../proto/gen/warren.ts';
import {
  type ClientCertificate,
  grpcTarget,
  ownChannelOptions,
  ownCredentials,
} from '../../shared/own-channel.ts';
import { COORDINATOR_TLS_NAME } from '../../shared/tls-names.ts';
import type { Identity } from '../state/records.ts';

/** The map of the largest network that one coordinator serves stays below this. */
const MAX_MESSAGE = 64 << 20;

/** A client for a coordinator under its own CA (DER) and no other root, with mutual TLS where a certificate is given. */
export function coordinatorClient(
  url: string,
  authority: Uint8Array,
  own: ClientCertificate | null,
): CoordinatorClient {
  return new CoordinatorClient(grpcTarget(url), ownCredentials(authority, own), {
    ...ownChannelOptions(COORDINATOR_TLS_NAME, MAX_MESSAGE),
    'grpc.initial_reconnect_backoff_ms': 500,
  });
}

/** The coordinator for a member of its network. */
export function memberClient(identity: Identity, url: string): CoordinatorClient {
  return coordinatorClient(url, Buffer.from(identity.caCertificate, 'base64'), {
    certificate: Buffer.from(identity.certificate, 'base64'),
    privateKey: identity.certificateKey,
  });
}
