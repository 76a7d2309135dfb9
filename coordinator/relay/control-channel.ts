import { credentials, Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { RelayControlClient } from '../../proto/gen/warren.ts';
import { type ErrorCode, WarrenError } from '../../shared/errors.ts';
import { pem } from '../../shared/pem.ts';
import { COORDINATOR_TLS_NAME } from '../../shared/tls-names.ts';
import type { RelayIdentity } from './relay-identity.ts';

const RPC_TIMEOUT = 15_000;
/** The members of the largest network that one coordinator serves stay below this. */
const MAX_MESSAGE = 64 << 20;

/** The coordinator at a URL, under its own CA (DER) and no other root; with mutual TLS where the relay has an identity. */
export function controlClient(
  url: string,
  authority: Uint8Array,
  own: Pick<RelayIdentity, 'certificate' | 'certificateKey'> | null,
): RelayControlClient {
  const { hostname, port } = new URL(url);
  const kind = hostname.startsWith('[') ? 'ipv6' : /^\d+(\.\d+){3}$/.test(hostname) ? 'ipv4' : 'dns';
  return new RelayControlClient(
    `${kind}:${hostname}:${port}`,
    credentials.createSsl(
      Buffer.from(pem(authority, 'CERTIFICATE')),
      own === null ? null : Buffer.from(own.certificateKey),
      own === null ? null : Buffer.from(pem(Buffer.from(own.certificate, 'base64'), 'CERTIFICATE')),
    ),
    {
      'grpc.ssl_target_name_override': COORDINATOR_TLS_NAME,
      'grpc.default_authority': COORDINATOR_TLS_NAME,
      'grpc.max_receive_message_length': MAX_MESSAGE,
      'grpc.keepalive_time_ms': 10_000,
      'grpc.keepalive_timeout_ms': 5_000,
      'grpc.enable_http_proxy': 0,
      'grpc.enable_retries': 0,
    },
  );
}

/** A unary call as a promise, with a deadline. */
export function call<Q, A>(
  method: (
    request: Q,
    metadata: Metadata,
    options: { deadline: number },
    callback: (error: ServiceError | null, response: A) => void,
  ) => unknown,
  request: Q,
): Promise<A> {
  return new Promise((resolve, reject) => {
    method(request, new Metadata(), { deadline: Date.now() + RPC_TIMEOUT }, (error, response) =>
      error === null ? resolve(response) : reject(controlError(error)),
    );
  });
}

const CODES: Partial<Record<status, ErrorCode>> = {
  [status.INVALID_ARGUMENT]: 'usage',
  [status.UNAUTHENTICATED]: 'unauthenticated',
  [status.RESOURCE_EXHAUSTED]: 'exhausted',
  [status.UNAVAILABLE]: 'unavailable',
  [status.DEADLINE_EXCEEDED]: 'unavailable',
  [status.FAILED_PRECONDITION]: 'incompatible',
  [status.UNIMPLEMENTED]: 'incompatible',
};

/** What a failed call is in our words. */
export function controlError(error: ServiceError): WarrenError {
  const code = CODES[error.code] ?? 'internal';
  const details = error.details || error.message;
  return new WarrenError(code, code === 'unavailable' ? `the coordinator is away: ${details}` : details, {
    cause: error,
  });
}
