import { describe, expect, it } from 'vitest';
import { grpcTarget } from '../../../shared/own-channel.ts';

describe('the name that gRPC has for a URL', () => {
  it.each([
    ['https://vpn.example.com:8443', 'dns:vpn.example.com:8443'],
    ['https://192.0.2.1:8443', 'ipv4:192.0.2.1:8443'],
    ['https://[2001:db8::1]:8443', 'ipv6:[2001:db8::1]:8443'],
    // URL leaves out the port of https.
    ['https://vpn.example.com:443', 'dns:vpn.example.com:443'],
    ['https://192.0.2.1:443', 'ipv4:192.0.2.1:443'],
    ['https://[2001:db8::1]:443', 'ipv6:[2001:db8::1]:443'],
  ])('%s is %s', (url, name) => {
    expect(grpcTarget(url)).toBe(name);
  });
});
