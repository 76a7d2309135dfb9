import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { choosePath } from '../../../agent/paths/choose.ts';
import { Path } from '../../../agent/paths/path.ts';
import { udp } from './ends.ts';

function path(address: string, roundTrip: number): Path {
  const made = new Path(0, udp(address), 'interface');
  made.roundTrip = roundTrip;
  return made;
}

const lan = (roundTrip: number) => path('192.168.1.9:1', roundTrip);
const direct = (roundTrip: number) => path('203.0.113.9:1', roundTrip);
const other = (roundTrip: number) => path('203.0.113.10:1', roundTrip);
const six = (roundTrip: number) => path('[2001:db8::9]:1', roundTrip);

describe('the choice of a path', () => {
  it.each([
    ['none: by relay still', null, [], null],
    ['the first that answers', null, [direct(50)], { index: 0, why: 'answered first' }],
    ['the LAN of several, even if slower', null, [direct(1), lan(5)], { index: 1, why: 'answered first' }],
    ['the shortest of several', null, [direct(50), other(20)], { index: 1, why: 'answered first' }],
    ['IPv6 of two as fast', null, [direct(20), six(20.5)], { index: 1, why: 'answered first' }],
    ['IPv4 where it is faster', null, [direct(20), six(22)], { index: 0, why: 'answered first' }],
  ])('%s', (_name, current, usable, expected) => {
    const choice = choosePath(current, usable);
    expect(choice).toEqual(expected && { path: usable[expected.index], why: expected.why });
  });

  it.each([
    ['the LAN takes over', direct(1), lan(30), 'within one site'],
    ['the Internet does not from the LAN', lan(30), direct(1), null],
    ['much faster takes over', direct(100), other(79 - 3), 'shorter round trip'],
    ['a little faster does not', direct(100), other(78), null],
    ['a fraction of little is little', direct(3), other(0.5), null],
    ['IPv6 takes over when no slower', direct(20), six(21), 'IPv6, no slower'],
    ['IPv6 does not when slower', direct(20), six(22), null],
    ['IPv4 does from IPv6 only when much faster', six(20), direct(18), null],
    ['IPv4 much faster than IPv6', six(100), direct(50), 'shorter round trip'],
  ])('%s', (_name, current, candidate, why) => {
    expect(choosePath(current, [current, candidate])).toEqual(why === null ? null : { path: candidate, why });
  });

  it('what stopped answering is left, for the next best or for the relay', () => {
    const [current, next] = [lan(1), direct(9)];
    expect(choosePath(current, [next])).toEqual({ path: next, why: 'the one before stopped answering' });
    expect(choosePath(current, [])).toEqual({ path: null, why: 'the one before stopped answering' });
  });

  it('once made it stays: what was heard being the same, no second change follows the first', () => {
    const anyPath = fc
      .tuple(fc.constantFrom(lan, direct, other, six), fc.double({ min: 0.1, max: 500, noNaN: true }))
      .map(([make, roundTrip]) => make(roundTrip));
    fc.assert(
      fc.property(fc.array(anyPath, { minLength: 1, maxLength: 6 }), fc.nat(), (usable, start) => {
        let current = usable[start % usable.length] as Path;
        for (let i = 0; i < usable.length; i++) {
          const choice = choosePath(current, usable);
          if (choice === null) return;
          current = choice.path as Path;
        }
        expect(choosePath(current, usable)).toBeNull();
      }),
    );
  });
});
