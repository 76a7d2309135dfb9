import { describe, expect, it } from 'vitest';
import { OutsideHosts } from '../../agent/outside-hosts.ts';
import { keyFromBase64 } from '../../shared/key.ts';
import { aMap, aPeer } from '../support/map.ts';

describe('whom no route may cut off', () => {
  const [other, roaming] = [aPeer(2), aPeer(3)];
  const map = aMap([other, roaming]);
  const hosts = new OutsideHosts({
    interfaceName: 'warren-none',
    coordinatorUrls: () => [],
    knownAddresses: () => [],
    resolvers: () => [],
    map: () => map,
    onMore: () => {},
  });
  const path = (last: number) => ({
    kind: 'local' as const,
    endpoint: { address: Uint8Array.of(198, 51, 100, last), port: 51820 },
  });
  const endpoints = async (now = map) =>
    (await hosts.list(now))
      .filter(({ what }) => what.startsWith('an endpoint'))
      .map(({ address }) => address);

  it('a peer at ever other addresses holds a few, the latest, and leaves those of others', async () => {
    hosts.pathChanged(keyFromBase64(other.publicKey) as Uint8Array, path(1) as never);
    for (let last = 100; last < 200; last++)
      hosts.pathChanged(keyFromBase64(roaming.publicKey) as Uint8Array, path(last) as never);
    const held = await endpoints();
    expect(held).toContain('198.51.100.1');
    expect(held.at(-1)).toBe('198.51.100.199');
    expect(held).toHaveLength(5);
  });

  it('one that is no peer any more holds none, nor when it comes back', async () => {
    expect(await endpoints(aMap([other]))).toEqual(['198.51.100.1']);
    expect(await endpoints()).toEqual(['198.51.100.1']);
  });
});
