import { type ServiceError, status } from '@grpc/grpc-js';
import { type ErrorCode, WarrenError } from './errors.ts';

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

/** What gRPC says of a failure, without what it says about itself around it. */
export function rpcDetails(error: ServiceError): string {
  const details = error.details || error.message;
  return details.replace(
    /^No connection established\. Last error: (?:Error: )?(.*?)\. Resolution note: .*$/s,
    'no connection ($1)',
  );
}

/** What the failure of a call to the coordinator is in our words. */
export function rpcError(error: ServiceError): WarrenError {
  const code = CODES[error.code] ?? 'internal';
  const details = rpcDetails(error);
  if (error.code === status.UNIMPLEMENTED) {
    return new WarrenError(code, `the coordinator does not know this request: ${details}`, {
      hint: 'it is older than this program: update it',
      cause: error,
    });
  }
  return new WarrenError(code, code === 'unavailable' ? `the coordinator is away: ${details}` : details, {
    cause: error,
  });
}
