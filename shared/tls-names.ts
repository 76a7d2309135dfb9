/** The name in every coordinator's server certificate, whatever address it is reached at: the pin makes it the right one. */
export const COORDINATOR_TLS_NAME = 'coordinator.warren.internal';

/** The name in the certificate of a relay on a host of its own: with it, it is this relay and no coordinator. */
export function relayTlsName(relayId: string): string {
  return `${relayId}.relay.warren.internal`;
}
