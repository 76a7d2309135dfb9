import type { handleUnaryCall } from '@grpc/grpc-js';
import type { DescribeRequest, DescribeResponse } from '../../proto/gen/warren.ts';
import { NEWEST_PROTOCOL_VERSION, OLDEST_PROTOCOL_VERSION, VERSION } from '../../shared/version.ts';
import type { RpcContext } from './context.ts';

export function describe(context: RpcContext): handleUnaryCall<DescribeRequest, DescribeResponse> {
  return (_call, callback) => {
    callback(null, {
      oldestProtocolVersion: OLDEST_PROTOCOL_VERSION,
      newestProtocolVersion: NEWEST_PROTOCOL_VERSION,
      coordinatorVersion: VERSION,
      proofKey: Buffer.from(context.proofKey.publicKey),
    });
  };
}
