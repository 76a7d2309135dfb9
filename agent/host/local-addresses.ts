import { networkInterfaces } from 'node:os';

/** An address of one of this host's interfaces. */
export interface LocalAddress {
  interfaceName: string;
  address: string;
  /** The connected network, CIDR. */
  cidr: string;
}

/** Every address of this host but loopback, link-local ones, and those of one interface (the tunnel's own). */
export function localAddresses(exceptInterface: string): LocalAddress[] {
  return Object.entries(networkInterfaces()).flatMap(([interfaceName, entries]) =>
    (entries ?? [])
      .filter((entry) => !entry.internal && entry.cidr !== null && interfaceName !== exceptInterface)
      .filter((entry) => !/^(fe[89ab][0-9a-f]:|169\.254\.)/i.test(entry.address))
      .map((entry) => ({ interfaceName, address: entry.address, cidr: entry.cidr as string })),
  );
}
