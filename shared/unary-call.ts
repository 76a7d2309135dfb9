import { Metadata, type ServiceError } from '@grpc/grpc-js';
import { rpcError } from './rpc-error.ts';

/** How long the coordinator may take, milliseconds. */
const RPC_TIMEOUT = 15_000;

/** A unary call to the coordinator as a promise, with a deadline. Throws as rpcError has it. */
export function unaryCall<Q, A>(
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
      error === null ? resolve(response) : reject(rpcError(error)),
    );
  });
}
