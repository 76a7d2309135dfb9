import type { DeviceFile } from './device-file.ts';

/** Stands where the private key goes of which the coordinator knows only the public half. */
export const KEY_PLACEHOLDER = "<the device's private key>";

/** IPv6 needs no less, and every network carries it (RFC 8200 section 5). */
const MTU = 1280;
/** Keeps NATs open that forget UDP after half a minute: agents answer where the device called from, and cannot call it. */
const KEEPALIVE = 25;

/** The file for wg-quick(8) and the WireGuard apps. `privateKey`: base64, or null for a placeholder. */
export function renderDeviceFile(file: DeviceFile, name: string, privateKey: string | null): string {
  const names = [...file.resolvers, ...(file.searchDomain === null ? [] : [file.searchDomain])];
  const lines = [
    '[Interface]',
    `# ${name}`,
    `PrivateKey = ${privateKey ?? KEY_PLACEHOLDER}`,
    `Address = ${file.addresses.join(', ')}`,
    `MTU = ${MTU}`,
    ...(names.length === 0 ? [] : [`DNS = ${names.join(', ')}`]),
  ];
  for (const [index, peer] of file.peers.entries()) {
    lines.push(
      '',
      '[Peer]',
      `# ${peer.name}${index === 0 ? ', and through it all that is no peer here' : ''}`,
      `PublicKey = ${peer.publicKey}`,
      `AllowedIPs = ${peer.allowedIps.join(', ')}`,
      `Endpoint = ${peer.endpoint}`,
      `PersistentKeepalive = ${KEEPALIVE}`,
    );
  }
  return `${lines.join('\n')}\n`;
}
