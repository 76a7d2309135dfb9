import { formatIp } from '../../shared/ip.ts';
import type { MappingRequest } from './mapping.ts';

/** The NAT Port Mapping Protocol (RFC 6886), which PCP came of and many gateways still speak alone. */

const VERSION = 0;
const EXTERNAL_ADDRESS = 0;
const MAP_UDP = 1;
const RESPONSE = 0x80;

/** 3.2: asks for the gateway's external address. */
export function addressRequest(): Uint8Array {
  return Uint8Array.of(VERSION, EXTERNAL_ADDRESS);
}

/** The external IPv4 address, a refusal as its number, or null for what is no answer. */
export function addressResponse(message: Uint8Array): string | number | null {
  if (message.length !== 12 && message.length !== 4 + 4) return null;
  if (message[0] !== VERSION || message[1] !== (EXTERNAL_ADDRESS | RESPONSE)) return null;
  const result = viewOf(message).getUint16(2);
  if (result !== 0) return result;
  return message.length === 12 ? formatIp(message.slice(8, 12)) : null;
}

/** 3.3; to take a mapping away, the suggested external port is 0 too (3.4). */
export function mapRequest(request: MappingRequest): Uint8Array {
  const message = new Uint8Array(12);
  const view = viewOf(message);
  message[1] = MAP_UDP;
  view.setUint16(4, request.port);
  view.setUint16(6, request.lifetime === 0 ? 0 : request.externalPort);
  view.setUint32(8, request.lifetime);
  return message;
}

/** External port and lifetime in seconds, a refusal as its number, or null for what is no answer to this request. */
export function mapResponse(
  message: Uint8Array,
  request: MappingRequest,
): { externalPort: number; lifetime: number } | number | null {
  if (message.length !== 16 || message[0] !== VERSION || message[1] !== (MAP_UDP | RESPONSE)) return null;
  const view = viewOf(message);
  if (view.getUint16(8) !== request.port) return null;
  const result = view.getUint16(2);
  if (result !== 0) return result;
  return { externalPort: view.getUint16(10), lifetime: view.getUint32(12) };
}

function viewOf(message: Uint8Array): DataView {
  return new DataView(message.buffer, message.byteOffset, message.length);
}
