import { describe, expect, it } from 'vitest';
import { Reconciler } from '../../agent/reconciler.ts';
import type { DeviceChange } from '../../agent/wireguard/configuration.ts';
import { WarrenError } from '../../shared/errors.ts';
import { keyToBase64 } from '../../shared/key.ts';
import { createLogger } from '../../shared/log.ts';
import { aMap, aPeer } from '../support/map.ts';

/** Of an interface that is not there: the host refuses addresses and routes, the tunnel has its peers. */
function withoutInterface() {
  const configured: DeviceChange[] = [];
  let refusal: WarrenError | null = null;
  let now = 1_000;
  const tunnel = {
    facts: { interfaceName: 'warren-none' },
    configure: async (change: DeviceChange) => void configured.push(change),
    setPaths: async () => {},
  };
  const reconciler = new Reconciler({
    tunnel: tunnel as never,
    mtu: 1420,
    acceptRoutes: false,
    exitNode: () => null,
    chooseRouters: () => new Map(),
    outside: async () => [],
    features: [
      {
        when: 'before-peers',
        apply: async () => {
          if (refusal !== null) throw refusal;
        },
        close: async () => {},
      },
    ],
    onCarriers: () => {},
    now: () => now,
    log: createLogger('error', 'agent'),
  });
  const removed = () =>
    configured
      .flatMap(({ peers = [] }) => peers)
      .filter(({ remove }) => remove)
      .map(({ publicKey }) => keyToBase64(publicKey));
  return {
    apply: (map: Parameters<Reconciler['apply']>[0]) => reconciler.apply(map).catch((error: Error) => error),
    removed,
    refuse: () => {
      refusal = new WarrenError('unavailable', 'nft: refused');
    },
    pass: (milliseconds: number) => {
      now += milliseconds;
    },
  };
}

describe('a host that refuses what the map wants', () => {
  // Of this host's networks nothing is asked.
  const noRanges = { networkPrefixes: [] };
  const [stays, leaves, expires] = [aPeer(2), aPeer(3), aPeer(4, { keyExpiresAt: 5_000 })];

  it('SEC-7, SEC-6: has no peer any more that was removed or that has expired', async () => {
    const host = withoutInterface();
    expect(await host.apply(aMap([stays, leaves, expires], noRanges))).toBeInstanceOf(Error);
    host.refuse();
    expect(await host.apply(aMap([stays, expires], noRanges))).toMatchObject({ message: 'nft: refused' });
    expect(host.removed()).toEqual([leaves.publicKey]);
    host.pass(10_000);
    expect(await host.apply(aMap([stays, expires], noRanges))).toMatchObject({ message: 'nft: refused' });
    expect(host.removed()).toEqual([leaves.publicKey, expires.publicKey]);
  });
});
