import { keyFromHex } from '../../shared/key.ts';
import { parsePrefix } from '../../shared/prefix.ts';
import type { SocketChange } from '../tunnel/commands.ts';
import type { AllowedIpChange, DeviceChange, PeerChange } from '../wireguard/configuration.ts';
import { parseUapiEndpoint } from './endpoint.ts';
import { EINVAL, EPROTO, UapiError } from './uapi-error.ts';

/** What a `set=1` asks for. */
export interface SetRequest {
  device: DeviceChange;
  socket: SocketChange;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
type PeerDraft = Mutable<PeerChange> & { allowedIps: AllowedIpChange[] };

/**
 * Reads the lines of a `set=1` (without that line and the empty one), https://www.wireguard.com/xplatform/. Everything is read
 * before anything is applied. Throws UapiError with the errno that the answer carries.
 */
export function parseSet(lines: readonly string[]): SetRequest {
  const device: Mutable<DeviceChange> = {};
  const socket: SocketChange = {};
  const peers: PeerDraft[] = [];
  for (const line of lines) {
    const equals = line.indexOf('=');
    if (equals < 0) throw new UapiError(EPROTO, `a line without '=': ${JSON.stringify(line)}`);
    const key = line.slice(0, equals);
    const value = line.slice(equals + 1);
    if (key === 'public_key') peers.push({ publicKey: hexKey(key, value), allowedIps: [] });
    else if (peers.length === 0) setDeviceKey(device, socket, key, value);
    else setPeerKey(peers.at(-1) as PeerDraft, key, value);
  }
  if (peers.length > 0) device.peers = peers;
  return { device, socket };
}

function setDeviceKey(device: Mutable<DeviceChange>, socket: SocketChange, key: string, value: string): void {
  switch (key) {
    case 'private_key':
      device.privateKey = hexKey(key, value);
      return;
    case 'listen_port':
      socket.listenPort = integer(key, value, 65535);
      return;
    case 'fwmark':
      // An empty value clears it too, as in wireguard-go.
      socket.fwmark = value === '' ? 0 : integer(key, value, 0xffffffff);
      return;
    case 'replace_peers':
      device.replacePeers = onlyTrue(key, value);
      return;
    default:
      throw new UapiError(EINVAL, `unknown key of a device: ${JSON.stringify(key)}`);
  }
}

function setPeerKey(peer: PeerDraft, key: string, value: string): void {
  switch (key) {
    case 'remove':
      peer.remove = onlyTrue(key, value);
      return;
    case 'update_only':
      peer.updateOnly = onlyTrue(key, value);
      return;
    case 'preshared_key':
      peer.presharedKey = hexKey(key, value);
      return;
    case 'endpoint': {
      const endpoint = parseUapiEndpoint(value);
      if (endpoint === null) throw new UapiError(EINVAL, `no endpoint: ${JSON.stringify(value)}`);
      peer.endpoint = endpoint;
      return;
    }
    case 'persistent_keepalive_interval':
      peer.persistentKeepalive = integer(key, value, 65535);
      return;
    case 'replace_allowed_ips':
      peer.replaceAllowedIps = onlyTrue(key, value);
      return;
    case 'allowed_ip': {
      const remove = value.startsWith('-');
      const prefix = parsePrefix(remove ? value.slice(1) : value);
      if (prefix === null) throw new UapiError(EINVAL, `no prefix: ${JSON.stringify(value)}`);
      peer.allowedIps.push(remove ? { prefix, remove } : { prefix });
      return;
    }
    case 'protocol_version':
      if (value !== '1') throw new UapiError(EINVAL, `protocol version ${JSON.stringify(value)}`);
      return;
    default:
      throw new UapiError(EINVAL, `unknown key of a peer: ${JSON.stringify(key)}`);
  }
}

function hexKey(key: string, value: string): Uint8Array {
  const bytes = keyFromHex(value);
  // The value may be a secret: it is not repeated.
  if (bytes === null) throw new UapiError(EINVAL, `${key} takes 64 hex digits`);
  return bytes;
}

function integer(key: string, value: string, most: number): number {
  if (!/^(0|[1-9]\d{0,9}|0[xX][0-9a-fA-F]{1,8})$/.test(value) || Number(value) > most) {
    throw new UapiError(EINVAL, `${key} takes a number up to ${most}, not ${JSON.stringify(value)}`);
  }
  return Number(value);
}

function onlyTrue(key: string, value: string): true {
  if (value !== 'true') throw new UapiError(EINVAL, `${key} takes only true, not ${JSON.stringify(value)}`);
  return true;
}
