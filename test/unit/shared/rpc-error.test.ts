import { Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';
import { rpcError } from '../../../shared/rpc-error.ts';

function failure(code: status, details: string): ServiceError {
  return Object.assign(new Error(details), { code, details, metadata: new Metadata() });
}

describe('rpcError', () => {
  it('says of a connection that failed why, in one clause', () => {
    const details =
      'No connection established. Last error: Error: connect ECONNREFUSED 192.0.2.1:8443. Resolution note: ';
    expect(rpcError(failure(status.UNAVAILABLE, details))).toMatchObject({
      code: 'unavailable',
      message: 'the coordinator is away: no connection (connect ECONNREFUSED 192.0.2.1:8443)',
    });
  });

  it('leaves what the coordinator says as it is', () => {
    expect(rpcError(failure(status.NOT_FOUND, 'there is no node "x"'))).toMatchObject({
      code: 'not-found',
      message: 'there is no node "x"',
    });
  });
});
