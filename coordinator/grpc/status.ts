import { type ServiceError, status } from '@grpc/grpc-js';
import { describeError, type ErrorCode, WarrenError } from '../../shared/errors.ts';
import type { Logger } from '../../shared/log.ts';

/** The one table from our codes to gRPC's. */
const STATUS: Record<ErrorCode, status> = {
  usage: status.INVALID_ARGUMENT,
  unauthenticated: status.UNAUTHENTICATED,
  'permission-denied': status.PERMISSION_DENIED,
  'not-found': status.NOT_FOUND,
  'already-exists': status.ALREADY_EXISTS,
  'in-use': status.ABORTED,
  exhausted: status.RESOURCE_EXHAUSTED,
  conflict: status.ABORTED,
  stale: status.ABORTED,
  unavailable: status.UNAVAILABLE,
  incompatible: status.FAILED_PRECONDITION,
  corrupt: status.DATA_LOSS,
  untrusted: status.UNAUTHENTICATED,
  unsupported: status.UNIMPLEMENTED,
  internal: status.INTERNAL,
};

/** What a client is told. Errors that are not ours keep their text to the log. */
export function grpcError(error: unknown, log: Logger): Partial<ServiceError> {
  if (error instanceof WarrenError) return { code: STATUS[error.code], details: describeError(error) };
  log.error({ err: error }, 'an RPC failed unexpectedly');
  return { code: status.INTERNAL, details: 'the coordinator failed; its log has more' };
}
