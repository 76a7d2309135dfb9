import { afterEach, expect, it, vi } from 'vitest';
import { PathKeeper } from '../../agent/path-keeper.ts';
import type { PlainPathsChange } from '../../agent/tunnel/commands.ts';
import type { Tunnel } from '../../agent/tunnel/tunnel.ts';
import { formatEndpoint } from '../../shared/endpoint.ts';
import { createLogger } from '../../shared/log.ts';
import { aMap, aSelf } from '../support/map.ts';

const lookup = vi.hoisted(() => vi.fn());
vi.mock('node:dns/promises', () => ({ lookup }));

afterEach(() => {
  lookup.mockReset();
  vi.useRealTimers();
});

/** A keeper, and the STUN servers that its tunnel was told last. */
function keeperWith(...servers: { host: string; port: number }[]) {
  const told: string[][] = [];
  const tunnel = {
    setPaths: async ({ stunServers }: PlainPathsChange) => {
      if (stunServers !== undefined) told.push(stunServers.map(formatEndpoint));
    },
  };
  const keeper = new PathKeeper(
    tunnel as unknown as Tunnel,
    servers,
    () => {},
    createLogger('error', 'test'),
  );
  return { keeper, told };
}

const network = aMap([], aSelf({ stunServers: [{ host: '192.0.2.1', port: 3478, alternatePort: 3479 }] }));

it("asks the user's STUN servers beside the network's, by every address that DNS has of either family", async () => {
  lookup.mockResolvedValue([{ address: '198.51.100.9' }, { address: '2001:db8::9' }]);
  const { keeper, told } = keeperWith(
    { host: 'stun.example.com', port: 19302 },
    { host: '2001:db8::1', port: 3478 },
  );
  keeper.mapChanged(network);
  await vi.waitFor(() => expect(told).toHaveLength(1));
  expect(lookup).toHaveBeenCalledExactlyOnceWith('stun.example.com', { all: true });
  expect(told[0]).toEqual([
    '192.0.2.1:3478',
    '192.0.2.1:3479',
    '198.51.100.9:19302',
    '[2001:db8::9]:19302',
    '[2001:db8::1]:3478',
  ]);
  keeper.mapChanged(network);
  await Promise.resolve();
  expect(told).toHaveLength(1);
  keeper.close();
});

it('does with the others while a name leads nowhere, and tries it again', async () => {
  vi.useFakeTimers();
  lookup.mockRejectedValueOnce(new Error('ENOTFOUND')).mockResolvedValue([{ address: '198.51.100.9' }]);
  const { keeper, told } = keeperWith({ host: 'stun.example.com', port: 3478 });
  keeper.mapChanged(network);
  await vi.advanceTimersByTimeAsync(0);
  expect(told).toEqual([['192.0.2.1:3478', '192.0.2.1:3479']]);
  await vi.advanceTimersByTimeAsync(30_000);
  expect(told.at(-1)).toEqual(['192.0.2.1:3478', '192.0.2.1:3479', '198.51.100.9:3478']);
  keeper.close();
});
