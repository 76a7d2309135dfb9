import { describe, expect, it } from 'vitest';
import { advertisedRoutes } from '../../../agent/cli/advertised-routes.ts';

describe('--advertise-routes', () => {
  it('takes networks as they are, and SITE=MESH, of both families', () => {
    expect(
      advertisedRoutes(
        '192.168.10.0/24, 192.168.1.9/24=10.201.1.0/24,fd00:1::/64=fd20:1::/64,10.1.0.0/16=10.1.0.0/16',
      ),
    ).toEqual({
      routes: ['192.168.10.0/24', '10.201.1.0/24', 'fd20:1::/64', '10.1.0.0/16'],
      mappings: [
        { prefix: '10.201.1.0/24', sitePrefix: '192.168.1.0/24' },
        { prefix: 'fd20:1::/64', sitePrefix: 'fd00:1::/64' },
      ],
    });
  });

  it.each([
    ['', 'a CIDR'],
    ['10.0.0.0', 'a CIDR'],
    ['10.0.0.0/8=', 'a CIDR'],
    ['192.168.1.0/24=10.0.0.0/24=10.1.0.0/24', 'SITE=MESH'],
    ['192.168.1.0/24=10.201.0.0/16', 'one size'],
    ['192.168.1.0/24=fd00::/24', 'one size'],
    ['192.168.1.0/24=10.201.1.0/24,192.168.1.0/25=10.201.2.0/25', 'overlaps'],
    ['192.168.1.0/24=10.201.1.0/24,192.168.2.0/24=10.201.1.0/24', 'one network only'],
    ['0.0.0.0/0', '--advertise-exit-node'],
    ['::/0', '--advertise-exit-node'],
    ['127.0.0.0/8', 'loopback'],
    ['169.254.0.0/16=10.1.0.0/16', 'link-local'],
    ['fe80::/64', 'link-local'],
  ])('refuses %s', (text, why) => {
    expect(() => advertisedRoutes(text)).toThrow(why);
  });
});
