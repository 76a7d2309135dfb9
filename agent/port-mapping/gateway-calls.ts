import { WarrenError } from '../../shared/errors.ts';
import { exchange, SERVER_PORT } from './exchange.ts';
import type { Mapping, MappingRequest } from './mapping.ts';
import { addressRequest, addressResponse, mapRequest, mapResponse } from './nat-pmp.ts';
import { pcpRequest, pcpResponse } from './pcp.ts';

/** Makes the mapping by PCP, or takes it away (`lifetime` 0). Throws with the reason. */
export async function pcpMap(request: MappingRequest): Promise<Mapping> {
  const answer = await exchange(
    request.gateway,
    SERVER_PORT,
    pcpRequest(request),
    (message) => pcpResponse(message, request),
    request.signal,
  );
  if (typeof answer === 'number')
    throw new WarrenError('unavailable', `the gateway refuses by PCP: result ${answer}`);
  return answer;
}

/** The same by NAT-PMP. */
export async function natPmpMap(request: MappingRequest): Promise<Mapping> {
  const { gateway } = request;
  const mapped = await exchange(
    gateway,
    SERVER_PORT,
    mapRequest(request),
    (message) => mapResponse(message, request),
    request.signal,
  );
  if (typeof mapped === 'number')
    throw new WarrenError('unavailable', `the gateway refuses by NAT-PMP: result ${mapped}`);
  if (request.lifetime === 0) return { protocol: 'NAT-PMP', externalAddress: '0.0.0.0', ...mapped };
  const externalAddress = await exchange(
    gateway,
    SERVER_PORT,
    addressRequest(),
    addressResponse,
    request.signal,
  );
  if (typeof externalAddress === 'number')
    throw new WarrenError(
      'unavailable',
      `the gateway tells no address by NAT-PMP: result ${externalAddress}`,
    );
  return { protocol: 'NAT-PMP', externalAddress, ...mapped };
}
