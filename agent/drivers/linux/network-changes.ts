import { WarrenError } from '../../../shared/errors.ts';
import * as libc from './libc.ts';
import type { Wakeup } from './loop.ts';
import { nativeBuffer } from './memory.ts';

const AF_NETLINK = 16;
const SOCK_RAW = 3;
const SOCK_FLAGS = 0x80000 | 0x800;
const NETLINK_ROUTE = 0;
/** RTMGRP_LINK, _IPV4_IFADDR, _IPV4_ROUTE, _IPV4_RULE, _IPV6_IFADDR, _IPV6_ROUTE of linux/rtnetlink.h, and RTNLGRP_IPV6_RULE. */
const GROUPS = 0x1 | 0x10 | 0x40 | 0x80 | 0x100 | 0x400 | 0x40000;
/** struct sockaddr_nl: family 0, pad 2, pid 4, groups 8. */
const SOCKADDR_NL_LENGTH = 12;

/**
 * Hears from the kernel that links, addresses, routes or rules of this network namespace changed (rtnetlink(7)). What changed is not
 * looked at: whoever is told reads how things stand.
 */
export class NetworkChanges implements Wakeup {
  readonly wakeDescriptor: number;
  readonly #changed: () => void;
  /** Messages are read to be gone; a longer one is cut off. */
  readonly #buffer = nativeBuffer(64);

  constructor(changed: () => void) {
    this.#changed = changed;
    this.wakeDescriptor = libc.socket(AF_NETLINK, SOCK_RAW | SOCK_FLAGS, NETLINK_ROUTE);
    const name = nativeBuffer(SOCKADDR_NL_LENGTH);
    name.view.setUint16(0, AF_NETLINK, true);
    name.view.setUint32(8, GROUPS, true);
    if (this.wakeDescriptor < 0 || libc.bind(this.wakeDescriptor, name.address, SOCKADDR_NL_LENGTH) !== 0) {
      const why = libc.errnoName(libc.errno());
      if (this.wakeDescriptor >= 0) libc.close(this.wakeDescriptor);
      throw new WarrenError('unsupported', `the kernel does not tell of changes to the network: ${why}`);
    }
  }

  run(): boolean {
    // ENOBUFS means that there were more than the kernel kept: read on, and tell all the same.
    const { address, bytes } = this.#buffer;
    while (libc.read(this.wakeDescriptor, address, bytes.length) >= 0 || libc.errno() === libc.ENOBUFS);
    this.#changed();
    return true;
  }

  close(): void {
    libc.close(this.wakeDescriptor);
  }
}
