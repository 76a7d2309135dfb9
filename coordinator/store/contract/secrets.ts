/** What the coordinator alone knows. A part of `Store`. */
export interface SecretStore {
  /** Secrets of the coordinator (CA key, proof key), as opaque bytes by name; set once. */
  secret(name: string): Promise<Uint8Array | null>;
  putSecretOnce(name: string, value: Uint8Array): Promise<Uint8Array>;
}
