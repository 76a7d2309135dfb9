import { type ChannelOptions, credentials, type ServiceError, status } from '@grpc/grpc-js';
import { CoordinatorClient } from '../../proto/gen/warren.ts';
import { type ErrorCode, WarrenError } from '../../shared/errors.ts';
import { pem } from '../../shared/pem.ts';
import { COORDINATOR_TLS_NAME } from '../../shared/tls-names.ts';

/** The map of the largest network that one coordinator serves stays below this. */
const MAX_MESSAGE = 64 << 20;

const OPTIONS: ChannelOptions = {
  'grpc.ssl_target_name_override': COORDINATOR_TLS_NAME,
  'grpc.default_authority': COORDINATOR_TLS_NAME,
  'grpc.max_receive_message_length': MAX_MESSAGE,
  'grpc.keepalive_time_ms': 10_000,
  'grpc.keepalive_timeout_ms': 5_000,
  'grpc.initial_reconnect_backoff_ms': 500,
  // A web proxy of the environment is not meant for this.
  'grpc.enable_http_proxy': 0,
  // Retrying is decided in one place: sync-client.ts.
  'grpc.enable_retries': 0,
};

/** The client certificate of this node. */
export interface ClientCertificate {
  /** DER. */
  certificate: Uint8Array;
  /** PEM. */
  privateKey: string;
}

/** A client for a coordinator under its own CA (DER) and no other root, with mutual TLS where a certificate is given. */
export function coordinatorClient(
  url: string,
  authority: Uint8Array,
  own: ClientCertificate | null,
): CoordinatorClient {
  const channel = credentials.createSsl(
    Buffer.from(pem(authority, 'CERTIFICATE')),
    own === null ? null : Buffer.from(own.privateKey),
    own === null ? null : Buffer.from(pem(own.certificate, 'CERTIFICATE')),
  );
  return new CoordinatorClient(target(url), channel, OPTIONS);
}

/** gRPC's name of an address (https://grpc.github.io/grpc/core/md_doc_naming.html). */
function target(url: string): string {
  const { hostname, port } = new URL(url);
  if (hostname.startsWith('[')) return `ipv6:${hostname}:${port}`;
  return /^\d+\.\d+\.\d+\.\d+$/.test(hostname) ? `ipv4:${hostname}:${port}` : `dns:${hostname}:${port}`;
}

const CODES: Partial<Record<status, ErrorCode>> = {
  [status.INVALID_ARGUMENT]: 'usage',
  [status.UNAUTHENTICATED]: 'unauthenticated',
  [status.PERMISSION_DENIED]: 'permission-denied',
  [status.NOT_FOUND]: 'not-found',
  [status.ALREADY_EXISTS]: 'already-exists',
  [status.ABORTED]: 'in-use',
  [status.RESOURCE_EXHAUSTED]: 'exhausted',
  [status.UNAVAILABLE]: 'unavailable',
  [status.DEADLINE_EXCEEDED]: 'unavailable',
  [status.FAILED_PRECONDITION]: 'incompatible',
  [status.UNIMPLEMENTED]: 'incompatible',
};

/** What an RPC's failure is in our words. */
export function rpcError(error: ServiceError): WarrenError {
  const code = CODES[error.code] ?? 'internal';
  const details = error.details || error.message;
  if (error.code === status.UNIMPLEMENTED) {
    return new WarrenError(code, `the coordinator does not know this request: ${details}`, {
      hint: 'it is older than this agent: update it',
      cause: error,
    });
  }
  return new WarrenError(code, code === 'unavailable' ? `the coordinator is away: ${details}` : details, {
    cause: error,
  });
}
