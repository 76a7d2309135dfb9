import { Command } from 'commander';
import { expect, it } from 'vitest';
import { withOutside } from '../../../agent/cli/options.ts';

function parsed(...flags: string[]): object {
  const command = withOutside(new Command())
    .exitOverride()
    .configureOutput({ writeErr: () => {} });
  return command.parse(flags, { from: 'user' }).opts();
}

it('--endpoint and --stun may be given several times, and a STUN server stands at port 3478 unless said', () => {
  const flags = ['--endpoint', '203.0.113.5:51820', '--endpoint', '[2001:DB8:0::5]:1'];
  const servers = ['stun.example.com', '192.0.2.1:19302', '[2001:db8::1]', '[2001:db8::1]:5349'];
  expect(parsed(...flags, ...servers.flatMap((server) => ['--stun', server]))).toEqual({
    endpoint: ['203.0.113.5:51820', '[2001:db8::5]:1'],
    stun: [
      { host: 'stun.example.com', port: 3478 },
      { host: '192.0.2.1', port: 19302 },
      { host: '2001:db8::1', port: 3478 },
      { host: '2001:db8::1', port: 5349 },
    ],
  });
});

it('what is not given is not there, so that `up` keeps what was', () => {
  expect(parsed()).toEqual({});
});

it.each([
  'example.com:5000',
  '192.0.2.1',
  '192.0.2.1:0',
  '192.0.2.1:65536',
  '192.0.2.256:5',
  '2001:db8::1:5',
  '[192.0.2.1]:5',
  // Nothing that is one other host (SEC-35).
  '127.0.0.1:5',
  '0.0.0.0:5',
  '224.0.0.1:5',
  '255.255.255.255:5',
  '[::1]:5',
  '[ff02::1]:5',
  '[fe80::1]:5',
])('--endpoint %s is refused', (text) => {
  expect(() => parsed('--endpoint', text)).toThrow(/expected/);
});

it.each([
  'example.com:0',
  'example.com:65536',
  'example.com:',
  ':3478',
  '2001:db8::1',
  '[2001:db8::1',
  '[1:2]',
  '[192.0.2.1]',
  '[]:3478',
  'a b',
  'stun:example.com',
])('--stun %s is refused', (text) => {
  expect(() => parsed('--stun', text)).toThrow(/expected/);
});
