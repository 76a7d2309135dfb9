import { formatIp, parseIp } from '../../shared/ip.ts';
import type { Mapping, MappingRequest } from './mapping.ts';

/** The MAP opcode of the Port Control Protocol (RFC 6887), for UDP and IPv4. */

const VERSION = 2;
const MAP = 1;
const RESPONSE = 0x80;
const PROTOCOL_UDP = 17;
const LENGTH = 60;
const NONCE = 24;
/** An IPv4 address as IPv6 sees it: ::ffff:0:0/96. */
const MAPPED_PREFIX = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];

/** RFC 6887 7.1 and 11.1. */
export function pcpRequest(request: MappingRequest): Uint8Array {
  const message = new Uint8Array(LENGTH);
  const view = new DataView(message.buffer);
  message[0] = VERSION;
  message[1] = MAP;
  view.setUint32(4, request.lifetime);
  message.set(MAPPED_PREFIX, 8);
  message.set(parseIp(request.own) as Uint8Array, 20);
  message.set(request.nonce, NONCE);
  message[36] = PROTOCOL_UDP;
  view.setUint16(40, request.port);
  view.setUint16(42, request.externalPort);
  message.set(MAPPED_PREFIX, 44);
  return message;
}

/** What a gateway that knows NAT-PMP only answers with (RFC 6887 9 and appendix A): version 0. */
const UNSUPPORTED_VERSION = 1;

/**
 * RFC 6887 7.2 and 11.1: the mapping, a refusal as its number, or null for what is no answer to this request. Any source can
 * send anything: the nonce decides.
 */
export function pcpResponse(message: Uint8Array, request: MappingRequest): Mapping | number | null {
  if (message.length >= 4 && message[0] === 0) return UNSUPPORTED_VERSION;
  if (message.length < LENGTH || message.length > 1100 || message[0] !== VERSION) return null;
  if (message[1] !== (MAP | RESPONSE) || message[36] !== PROTOCOL_UDP) return null;
  if (request.nonce.some((byte, i) => message[NONCE + i] !== byte)) return null;
  const view = new DataView(message.buffer, message.byteOffset, message.length);
  if (view.getUint16(40) !== request.port) return null;
  const result = message[3] as number;
  if (result !== 0) return result;
  if (MAPPED_PREFIX.some((byte, i) => message[44 + i] !== byte)) return null;
  return {
    protocol: 'PCP',
    externalAddress: formatIp(message.slice(56, 60)),
    externalPort: view.getUint16(42),
    lifetime: view.getUint32(4),
  };
}
