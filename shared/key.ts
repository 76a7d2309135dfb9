/** Keys of WireGuard in text form: 32 bytes as base64 (wg(8), our files, the API) or hex (the UAPI). */
export const KEY_LENGTH = 32;

/** The 32 bytes of a base64 key exactly as wg(8) spells it, or null. */
export function keyFromBase64(text: string): Uint8Array | null {
  if (!/^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$/.test(text)) return null;
  return new Uint8Array(Buffer.from(text, 'base64'));
}

export function keyToBase64(key: Uint8Array): string {
  return Buffer.from(key).toString('base64');
}

export function keyFromHex(text: string): Uint8Array | null {
  return /^[0-9a-fA-F]{64}$/.test(text) ? new Uint8Array(Buffer.from(text, 'hex')) : null;
}

export function keyToHex(key: Uint8Array): string {
  return Buffer.from(key).toString('hex');
}

/** Overwrites a secret that is no longer needed. */
export function wipe(secret: Uint8Array): void {
  secret.fill(0);
}
