import { describe, expect, it } from 'vitest';
import { type Endpoint, formatEndpoint, parseEndpoint, parseListen } from '../../../shared/endpoint.ts';

describe('endpoints', () => {
  it.each(['192.0.2.1:51820', '[2001:db8::1]:1', '[::]:65535'])('%s is read and printed alike', (text) => {
    expect(formatEndpoint(parseEndpoint(text) as Endpoint)).toBe(text);
  });

  it.each([
    '192.0.2.1',
    '192.0.2.1:0',
    '192.0.2.1:65536',
    '2001:db8::1:80',
    '[192.0.2.1]:80',
    'host:80',
    '[fe80::1%1]:80',
    ':80',
    '',
  ])('%j is no endpoint', (text) => {
    expect(parseEndpoint(text)).toBeNull();
  });
});

describe('listening addresses', () => {
  it.each([
    ['0.0.0.0:8443', { host: '0.0.0.0', port: 8443 }],
    ['[::]:0', { host: '::', port: 0 }],
    ['localhost:80', { host: 'localhost', port: 80 }],
  ])('%s', (text, expected) => {
    expect(parseListen(text)).toEqual(expected);
  });

  it.each(['8443', ':8443', '::1:80', '[1.2.3.4]:80', 'a:65536', 'a:b'])('%j is none', (text) => {
    expect(parseListen(text)).toBeNull();
  });
});
