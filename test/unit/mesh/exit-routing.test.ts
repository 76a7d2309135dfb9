import { describe, expect, it } from 'vitest';
import { exitRoutes, exitRules, type WantedExitRouting } from '../../../agent/mesh/exit-routing.ts';
import { outsideFlows } from '../../../agent/mesh/outside-flows.ts';
import { serversOf, withKnownAddresses } from '../../../agent/mesh/servers.ts';
import { aMap } from '../../support/map.ts';

const flows = outsideFlows({
  user: 0,
  listenPort: 51820,
  servers: [
    { address: '198.51.100.1', port: 8443 },
    { address: '2001:db8::1', port: 8443 },
  ],
  gateway: '192.168.7.1',
});
const wanted = (changes: Partial<WantedExitRouting> = {}): WantedExitRouting => ({
  interfaceName: 'warren0',
  isOpen: true,
  mesh: ['100.64.0.0/10', 'fd00::/48', '10.9.0.0/16'],
  local: ['192.168.7.0/24', '10.9.0.0/16'],
  flows,
  ...changes,
});
const rules = (family: 4 | 6) => exitRules(wanted(), family).map((rule) => rule.join(' '));
const routes = (family: 4 | 6, changes = {}) =>
  exitRoutes(wanted(changes), family).map((route) => route.join(' ').replace(' table 8787 protocol 87', ''));

describe('the routing of a host with an exit node', () => {
  it('leads everything into its table by the rule that is set last', () => {
    expect(rules(4).at(-1)).toBe('priority 8750 lookup 8787 protocol 87');
  });

  it('SEC-42: what is the agent’s own goes past it, and to no other table if `main` has no way', () => {
    expect(rules(4)).toEqual(
      expect.arrayContaining([
        'priority 8781 unreachable protocol 87',
        'priority 8780 lookup main protocol 87',
        'priority 8710 fwmark 8847360/16711680 goto 8780 protocol 87',
        'priority 8710 ipproto udp sport 51820 uidrange 0-0 goto 8780 protocol 87',
        'priority 8710 to 198.51.100.1 ipproto tcp dport 8443 uidrange 0-0 goto 8780 protocol 87',
      ]),
    );
    expect(rules(6)).toContain(
      'priority 8710 to 2001:db8::1 ipproto tcp dport 8443 uidrange 0-0 goto 8780 protocol 87',
    );
    expect(rules(6).join()).not.toContain('198.51.100.1');
  });

  it('has the tunnel before what refuses, and what is local goes on to `main`', () => {
    expect(routes(4)).toEqual([
      'unreachable default metric 4278198272',
      'throw 192.168.7.0/24',
      'throw 10.9.0.0/16',
      '100.64.0.0/10 dev warren0 scope global',
      '0.0.0.0/0 dev warren0 scope global',
    ]);
    expect(routes(6)).toEqual([
      'unreachable default metric 4278198272',
      'throw fe80::/10',
      'fd00::/48 dev warren0',
      '::/0 dev warren0',
    ]);
  });

  it('SEC-41: without an exit that carries, what is not of the mesh is refused', () => {
    for (const family of [4, 6] as const) {
      const shut = routes(family, { isOpen: false });
      expect(shut).toContain('unreachable default metric 4278198272');
      expect(shut.join()).not.toMatch(/0\.0\.0\.0\/0|::\/0/);
    }
  });
});

describe('the servers that an agent needs', () => {
  it('are reached by the last known addresses of their names too', () => {
    const known = (name: string) => (name === 'vpn.example.com' ? ['192.0.2.9', '2001:db8::9'] : []);
    expect(withKnownAddresses(['https://vpn.example.com:8443', 'https://192.0.2.1:8443'], known)).toEqual([
      'https://192.0.2.9:8443',
      'https://[2001:db8::9]:8443',
      'https://vpn.example.com:8443',
      'https://192.0.2.1:8443',
    ]);
  });

  it('are those of the URLs, with the last known addresses of names', () => {
    const map = aMap([], { relays: [{ id: 'r', urls: ['https://[2001:db8::7]:443'], tlsName: 'r' }] });
    const found = serversOf(map, ['https://VPN.example.com:8443', 'https://192.0.2.1:8443'], (name) =>
      name === 'vpn.example.com' ? ['192.0.2.9'] : [],
    );
    expect(found).toEqual([
      { address: '192.0.2.1', port: 8443 },
      { address: '192.0.2.9', port: 8443 },
      { address: '2001:db8::7', port: 443 },
    ]);
  });
});
