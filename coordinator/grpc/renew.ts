import type { handleUnaryCall, ServerUnaryCall } from '@grpc/grpc-js';
import type { RenewRequest, RenewResponse } from '../../proto/gen/warren.ts';
import { type Call, callingNode } from './caller.ts';
import type { RpcContext } from './context.ts';
import { grpcError } from './status.ts';

export function renew(context: RpcContext): handleUnaryCall<RenewRequest, RenewResponse> {
  return (call, callback) => {
    renewCertificate(call, context).then(
      (response) => callback(null, response),
      (error: unknown) => callback(grpcError(error, context.log)),
    );
  };
}

async function renewCertificate(
  call: ServerUnaryCall<RenewRequest, RenewResponse>,
  context: RpcContext,
): Promise<RenewResponse> {
  const node = await callingNode(call as unknown as Call, context);
  const record = await context.authority.issueClient(
    node.id,
    call.request.certificateRequest,
    context.clock.wall(),
  );
  await context.store.putCertificate(node.id, record);
  return { certificate: Buffer.from(record.certificate) };
}
