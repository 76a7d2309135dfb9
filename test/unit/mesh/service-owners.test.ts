import { describe, expect, it } from 'vitest';
import { serviceOwners } from '../../../agent/mesh/service-owners.ts';

const tcp = (firstPort: number, lastPort = firstPort) => ({ protocol: 6, firstPort, lastPort });
const whole = (protocol: number) => ({ protocol, firstPort: 0, lastPort: 0 });
const anyPorts = (firstPort: number, lastPort = firstPort) => ({ protocol: 0, firstPort, lastPort });
const owners = (...list: { protocol: number; firstPort: number; lastPort: number }[][]) =>
  serviceOwners(list.map((services, owner) => ({ owner, services })));

describe('services', () => {
  it('belong to who names them first', () => {
    expect(owners([tcp(80)], [tcp(22, 100)], [tcp(90, 110)]).ports).toEqual([
      {
        protocols: [6],
        ranges: [
          { first: 22, last: 79, owner: 1 },
          { first: 80, last: 80, owner: 0 },
          { first: 81, last: 100, owner: 1 },
          { first: 101, last: 110, owner: 2 },
        ],
      },
    ]);
  });

  it('of neighbouring ports are one range of one owner', () => {
    expect(owners([tcp(80), tcp(81), tcp(1, 79)]).ports[0]?.ranges).toEqual([
      { first: 1, last: 81, owner: 0 },
    ]);
  });

  it('reach to the last port', () => {
    expect(owners([tcp(1, 65_535)]).ports[0]?.ranges).toEqual([{ first: 1, last: 65_535, owner: 0 }]);
  });

  it('of no protocol are those of all that have ports, together', () => {
    expect(owners([anyPorts(53)], [tcp(80)])).toEqual({
      ports: [
        {
          protocols: [6],
          ranges: [
            { first: 53, last: 53, owner: 0 },
            { first: 80, last: 80, owner: 1 },
          ],
        },
        { protocols: [33, 17, 132, 136], ranges: [{ first: 53, last: 53, owner: 0 }] },
      ],
      protocols: [],
      rest: null,
    });
  });

  it('behind a whole protocol are asked no more, and that for all that is left of it', () => {
    expect(owners([tcp(22)], [whole(6)], [tcp(80)], [whole(1)])).toEqual({
      ports: [{ protocols: [6], ranges: [{ first: 22, last: 22, owner: 0 }] }],
      protocols: [
        { protocol: 6, owner: 1 },
        { protocol: 1, owner: 3 },
      ],
      rest: null,
    });
  });

  it('behind everything are asked no more', () => {
    expect(owners([tcp(22)], [], [tcp(80)], [whole(1)])).toEqual({
      ports: [{ protocols: [6], ranges: [{ first: 22, last: 22, owner: 0 }] }],
      protocols: [],
      rest: 1,
    });
    expect(owners([tcp(22), whole(0)])).toEqual({ ports: [], protocols: [], rest: 0 });
  });
});
