import type { UdpAddress } from '../wireguard/udp-address.ts';

/** One answer of a STUN server to one socket: which server address was asked, and what source it saw. */
export interface Observation {
  readonly server: UdpAddress;
  readonly observed: UdpAddress;
}

/** What a NAT makes of one socket, in the words of RFC 4787, sections 4.1, 5 and 6. */
export interface NatKind {
  /** `none`: the host has the very address that is seen from outside. `unknown`: too few answers to tell. */
  readonly mapping:
    | 'none'
    | 'endpoint-independent'
    | 'address-dependent'
    | 'address-and-port-dependent'
    | 'unknown'
    | 'no answer';
  /** `not by port`: one of the first two; it takes a second address to tell which. */
  readonly filtering:
    | 'endpoint-independent'
    | 'address-dependent'
    | 'not by port'
    | 'address-and-port-dependent'
    | 'unknown';
  /** Whether the outer port is the inner one. Null: not known. */
  readonly keepsPort: boolean | null;
  /** Whether a datagram to one's own outer address comes back. Null: not tried. */
  readonly hairpin: boolean | null;
}

/** What was heard in answer to tests of filtering and hairpinning; leave out what was not tried. */
export interface FurtherTests {
  /** An answer came from an address never sent to. */
  fromOtherAddress?: boolean;
  /** An answer came from another port of an address sent to. */
  fromOtherPort?: boolean;
  hairpin?: boolean;
}

/** The NAT before one socket of one address family. `local` are the host's addresses with the socket's port. */
export function natKind(
  local: readonly UdpAddress[],
  observations: readonly Observation[],
  tests: FurtherTests = {},
): NatKind {
  const first = observations[0];
  const hairpin = tests.hairpin ?? null;
  const filtering = filteringOf(tests);
  if (first === undefined) return { mapping: 'no answer', filtering, keepsPort: null, hairpin };
  const keepsPort = local.some(({ port }) => port === first.observed.port);
  return { mapping: mappingOf(local, observations), filtering, keepsPort, hairpin };
}

/** Whether each destination sees another port, so that what STUN tells is of no use to a peer. */
export function isHard({ mapping }: NatKind): boolean {
  return mapping === 'address-dependent' || mapping === 'address-and-port-dependent';
}

/** RFC 5780, section 4.3, over any number of servers and ports. */
function mappingOf(local: readonly UdpAddress[], observations: readonly Observation[]): NatKind['mapping'] {
  const [first, ...others] = observations as [Observation, ...Observation[]];
  const differing = others.filter(({ observed }) => !observed.equals(first.observed));
  if (differing.length > 0) {
    const byPort = observations.some((a) =>
      observations.some((b) => sameHost(a.server, b.server) && !a.observed.equals(b.observed)),
    );
    return byPort ? 'address-and-port-dependent' : 'address-dependent';
  }
  if (local.some((address) => address.equals(first.observed))) return 'none';
  const askedElsewhere = others.some(({ server }) => !server.equals(first.server));
  return askedElsewhere ? 'endpoint-independent' : 'unknown';
}

function filteringOf({ fromOtherAddress, fromOtherPort }: FurtherTests): NatKind['filtering'] {
  if (fromOtherAddress) return 'endpoint-independent';
  if (fromOtherPort === false) return 'address-and-port-dependent';
  if (!fromOtherPort) return 'unknown';
  return fromOtherAddress === undefined ? 'not by port' : 'address-dependent';
}

function sameHost(a: UdpAddress, b: UdpAddress): boolean {
  return (
    a.family === b.family &&
    a.word0 === b.word0 &&
    a.word1 === b.word1 &&
    a.word2 === b.word2 &&
    a.word3 === b.word3
  );
}

/** For `agent netcheck`: one sentence that says what to expect. */
export function describeNat(kind: NatKind): string {
  const hairpin =
    kind.hairpin === null
      ? ''
      : kind.hairpin
        ? '; it hairpins'
        : '; hosts behind it cannot use their outer addresses';
  switch (kind.mapping) {
    case 'no answer':
      return 'no STUN server answers: UDP seems to be blocked, and traffic goes by relay';
    case 'unknown':
      return 'a NAT; a second STUN server or port is needed to tell its kind';
    case 'none':
      return kind.filtering === 'endpoint-independent'
        ? 'no NAT: this host can be reached directly'
        : 'no NAT; a firewall may ask for the first packet to go outward, which probes do';
    case 'endpoint-independent':
      return `a NAT that keeps one outer port for all destinations: direct paths can be expected${filterWords(kind)}${hairpin}`;
    case 'address-dependent':
    case 'address-and-port-dependent':
      return `a hard NAT, with another outer port for each destination: direct paths to easy NATs only, found by many probes${hairpin}`;
  }
}

function filterWords({ filtering }: NatKind): string {
  switch (filtering) {
    case 'endpoint-independent':
      return '; it lets everybody in (full cone)';
    case 'address-dependent':
      return '; it lets in addresses that were sent to (restricted cone)';
    case 'not by port':
      return '; it lets in every port of an address that was sent to, if not everybody (full or restricted cone)';
    case 'address-and-port-dependent':
      return '; it lets in only what was sent to (port-restricted cone)';
    case 'unknown':
      return '';
  }
}
