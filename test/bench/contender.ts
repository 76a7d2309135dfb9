import type { Lab, TestHost } from '../support/netns.ts';
import type { Child } from '../support/process.ts';

/** Two hosts on one cable, made anew for every measurement: what a contender is given. */
export interface Pair {
  lab: Lab;
  /** 10.9.9.1 on the cable, 10.99.0.1 in the tunnel. */
  a: TestHost;
  /** 10.9.9.2 on the cable, 10.99.0.2 in the tunnel. */
  b: TestHost;
}

/** The MTU of every tunnel, so that all carry the same packets. */
export const TUNNEL_MTU = 1420;

/** A VPN under measurement; plain data but for `start`. */
export interface Contender {
  name: string;
  /** What the program or its package says that it is. */
  version: string;
  /** `yardstick`: shown, but no ratio is made of it. */
  kind: 'ours' | 'peer' | 'yardstick';
  /** Brings the tunnel between the hosts up; the daemons, one a host. Rejects when that fails. */
  start(pair: Pair): Promise<Child[]>;
}

/** The cable's address of the host at the other end. */
export const OUTER = { a: '10.9.9.1', b: '10.9.9.2' } as const;
/** The address in the tunnel. */
export const INNER = { a: '10.99.0.1', b: '10.99.0.2' } as const;

/** Both ends with what differs between them. */
export function ends(pair: Pair) {
  return [
    { host: pair.a, outer: OUTER.a, inner: INNER.a, far: { outer: OUTER.b, inner: INNER.b } },
    { host: pair.b, outer: OUTER.b, inner: INNER.b, far: { outer: OUTER.a, inner: INNER.a } },
  ] as const;
}
