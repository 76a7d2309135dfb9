import { RelayControlClient } from '../../proto/gen/warren.ts';
import { grpcTarget, ownChannelOptions, ownCredentials } from '../../shared/own-channel.ts';
import { COORDINATOR_TLS_NAME } from '../../shared/tls-names.ts';
import type { RelayIdentity } from './relay-identity.ts';

/** The members of the largest network that one coordinator serves stay below this. */
const MAX_MESSAGE = 64 << 20;

/** The coordinator at a URL, under its own CA (DER) and no other root; with mutual TLS where the relay has an identity. */
export function controlClient(
  url: string,
  authority: Uint8Array,
  own: Pick<RelayIdentity, 'certificate' | 'certificateKey'> | null,
): RelayControlClient {
  const certificate = own && {
    certificate: Buffer.from(own.certificate, 'base64'),
    privateKey: own.certificateKey,
  };
  return new RelayControlClient(
    grpcTarget(url),
    ownCredentials(authority, certificate),
    ownChannelOptions(COORDINATOR_TLS_NAME, MAX_MESSAGE),
  );
}
