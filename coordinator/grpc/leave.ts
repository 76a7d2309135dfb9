import type { handleUnaryCall, ServerUnaryCall } from '@grpc/grpc-js';
import type { LeaveRequest, LeaveResponse } from '../../proto/gen/warren.ts';
import { type Call, callingNode, remoteAddress } from './caller.ts';
import type { RpcContext } from './context.ts';
import { grpcError } from './status.ts';

export function leave(context: RpcContext): handleUnaryCall<LeaveRequest, LeaveResponse> {
  return (call, callback) => {
    removeCaller(call, context).then(
      (response) => callback(null, response),
      (error: unknown) => callback(grpcError(error, context.log)),
    );
  };
}

async function removeCaller(
  call: ServerUnaryCall<LeaveRequest, LeaveResponse>,
  context: RpcContext,
): Promise<LeaveResponse> {
  const node = await callingNode(call as unknown as Call, context);
  await context.store.removeNode(node.id, context.clock.wall(), {
    actor: `node:${node.id}`,
    source: remoteAddress(call as unknown as Call),
  });
  return {};
}
