/**
 * Where an agent answers DNS: the first of these that is free, for several agents may share a host. Loopback, so that the
 * kernel itself keeps every other host out (RFC 1122 3.2.1.3 (g)), none can collide with what a network hands out or a site
 * uses, no interface need carry it, and a crash leaves nothing behind. 127.0.0.0/8 is there on hosts without any IPv4 too.
 */
export const SERVICE_ADDRESSES: readonly string[] = Array.from(
  { length: 8 },
  (_, index) => `127.0.0.${87 + index}`,
);

/** Whether an address is one at which agents answer: asking there would be a loop. */
export function isServiceAddress(address: string): boolean {
  return SERVICE_ADDRESSES.includes(address.replace(/^::ffff:/i, ''));
}
