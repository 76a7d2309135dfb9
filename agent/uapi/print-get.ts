import { keyToHex } from '../../shared/key.ts';
import { formatPrefix } from '../../shared/prefix.ts';
import type { TunnelSnapshot } from '../tunnel/commands.ts';
import type { PeerSnapshot } from '../wireguard/configuration.ts';
import { formatUapiEndpoint } from './endpoint.ts';

const NO_KEY = '0'.repeat(64);

/** The lines of the answer to `get=1`, without its errno. They hold the private key. */
export function printGet(snapshot: Omit<TunnelSnapshot, 'paths'>): string {
  const { device } = snapshot;
  const lines: string[] = [];
  if (device.privateKey !== null) lines.push(`private_key=${keyToHex(device.privateKey)}`);
  if (snapshot.listenPort !== 0) lines.push(`listen_port=${snapshot.listenPort}`);
  if (snapshot.fwmark !== 0) lines.push(`fwmark=${snapshot.fwmark}`);
  for (const peer of device.peers) printPeer(peer, lines);
  return lines.map((line) => `${line}\n`).join('');
}

function printPeer(peer: PeerSnapshot, lines: string[]): void {
  lines.push(`public_key=${keyToHex(peer.publicKey)}`);
  lines.push(`preshared_key=${peer.presharedKey === null ? NO_KEY : keyToHex(peer.presharedKey)}`);
  lines.push('protocol_version=1');
  if (peer.endpoint !== null) lines.push(`endpoint=${formatUapiEndpoint(peer.endpoint)}`);
  lines.push(`last_handshake_time_sec=${Math.floor(peer.lastHandshake / 1000)}`);
  lines.push(`last_handshake_time_nsec=${Math.round((peer.lastHandshake % 1000) * 1_000_000)}`);
  lines.push(`tx_bytes=${peer.txBytes}`);
  lines.push(`rx_bytes=${peer.rxBytes}`);
  lines.push(`persistent_keepalive_interval=${peer.persistentKeepalive}`);
  for (const prefix of peer.allowedIps) lines.push(`allowed_ip=${formatPrefix(prefix)}`);
}
