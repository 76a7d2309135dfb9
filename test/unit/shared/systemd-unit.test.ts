import { expect, it } from 'vitest';
import { unitArgument, unitValue } from '../../../shared/systemd-unit.ts';

it.each([
  ['/opt/warren/bin/agent', '/opt/warren/bin/agent'],
  ['https://[2001:db8::1]:8443', '"https://[2001:db8::1]:8443"'],
  ['/srv/my mesh', '"/srv/my mesh"'],
  ['100%', '100%%'],
  ['a"b\\c', '"a\\"b\\\\c"'],
  ['', '""'],
  [';', '";"'],
])('%j is written so that systemd reads it back', (text, written) => {
  expect(unitArgument(text)).toBe(written);
  expect(unitValue(text)).toBe(written);
});

it('a dollar is one in a command line, where systemd would put a variable, and as it is elsewhere', () => {
  expect(unitArgument('/srv/$HOME')).toBe('"/srv/$$HOME"');
  expect(unitValue('/srv/$HOME')).toBe('"/srv/$HOME"');
});

it.each(['a\nExecStartPre=/bin/evil', 'a\0b'])('SEC-64: %j is refused', (text) => {
  expect(() => unitArgument(text)).toThrow('control character');
});
