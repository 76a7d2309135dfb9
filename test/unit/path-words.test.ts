import { expect, it } from 'vitest';
import { pathWords } from '../../agent/path-words.ts';
import type { PathDetails, PeerStatus, Status } from '../../agent/status.ts';

const NOW = Date.UTC(2026, 0, 1, 12);
const details = (changes: Partial<PathDetails> = {}): PathDetails => ({
  why: 'the one before stopped answering',
  since: new Date(NOW - 180_000).toISOString(),
  changes: 1,
  probing: false,
  tried: [],
  ...changes,
});
const way = (answered: string | null) => ({
  endpoint: '192.0.2.7:1',
  kind: 'interface',
  roundTripMs: null,
  answered,
});
const words = (peer: Partial<PeerStatus>, nat: string | null = null) =>
  pathWords(
    {
      ...{
        name: 'b',
        online: true,
        path: 'relay',
        endpoint: null,
        pathDetails: details(),
        lastHandshake: 'x',
      },
      ...peer,
    } as PeerStatus,
    { nat } as Status['self'],
    NOW,
  );

const FORWARD =
  'forward a UDP port to one of the two hosts, and name it there with --listen-port and --endpoint';

it.each<[string, Partial<PeerStatus>, string | null, string, string | null]>([
  [
    'a direct path',
    { path: 'direct', endpoint: '192.0.2.7:51820', pathDetails: details({ why: 'answered first' }) },
    null,
    'directly to 192.0.2.7:51820 for 3 min: it was the first way to answer',
    null,
  ],
  [
    'a peer that says nothing of paths',
    { path: 'direct', endpoint: '192.0.2.7:51820', pathDetails: null },
    null,
    'directly to 192.0.2.7:51820',
    null,
  ],
  [
    'a search',
    { pathDetails: details({ probing: true }) },
    null,
    'by relay for 3 min, while direct ways are tried',
    null,
  ],
  [
    'nothing to try',
    {},
    null,
    'by relay for 3 min: no address of b is known; the NAT or firewall before b does not let this host in',
    FORWARD,
  ],
  [
    'one address in vain',
    { pathDetails: details({ tried: [way(null)] }) },
    'a hard NAT, with …',
    'by relay for 3 min: 1 address of b was tried, and none answered; this host is behind a hard NAT, and b seems to be behind one too',
    FORWARD,
  ],
  [
    'a way that answered before',
    { pathDetails: details({ tried: [way(null), way('2026-01-01T00:00:00Z')] }) },
    'a NAT that keeps …',
    'by relay for 3 min: of 2 ways tried 1 answered before, and none does now; the NAT or firewall before b does not let this host in',
    FORWARD,
  ],
  [
    'UDP that is blocked',
    { pathDetails: details({ tried: [way(null), way(null)] }) },
    'no STUN server answers: …',
    'by relay for 3 min: 2 addresses of b were tried, and none answered; no STUN server answers this host either, so UDP seems to be blocked here',
    'let UDP out of this network',
  ],
  [
    'a peer that is away',
    { path: 'none', online: false },
    null,
    'not connected: the coordinator does not hear from it',
    null,
  ],
  [
    'a peer that nobody talked to',
    { path: 'none', lastHandshake: null },
    null,
    'not connected: nothing was sent to it yet; the first packet connects',
    null,
  ],
  ...(
    [
      [
        'that called',
        { path: 'direct', endpoint: '192.0.2.7:9' },
        'plain WireGuard device, at 192.0.2.7:9, from where it called',
      ],
      [
        'that has not called',
        { path: 'none', lastHandshake: null },
        'plain WireGuard device: it has not called yet',
      ],
      [
        'that is silent',
        { path: 'none', lastHandshake: new Date(NOW - 600_000).toISOString() },
        'plain WireGuard device: it called last 10 min ago',
      ],
      [
        'behind a gateway',
        { via: 'hub', path: 'direct', endpoint: '192.0.2.7:9' },
        'plain WireGuard device, through hub at 192.0.2.7:9',
      ],
      [
        'behind a gateway by relay',
        { via: 'hub', path: 'relay' },
        'plain WireGuard device, through hub, which is reached by relay',
      ],
      [
        'whose gateway is gone',
        { via: '' },
        'plain WireGuard device: the agent that it was to be reached through is no longer there',
      ],
    ] as const
  ).map(([what, peer, path]): [string, Partial<PeerStatus>, string | null, string, string | null] => [
    `a device ${what}`,
    { device: true, via: null, pathDetails: null, ...peer },
    null,
    path,
    null,
  ]),
])('%s', (_what, peer, nat, path, advice) => {
  expect(words(peer, nat)).toEqual({ path, advice });
});
