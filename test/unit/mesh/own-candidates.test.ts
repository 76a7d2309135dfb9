import { describe, expect, it } from 'vitest';
import { candidateAt, ownCandidates } from '../../../agent/mesh/own-candidates.ts';
import { formatEndpoint, parseEndpoint } from '../../../shared/endpoint.ts';

const told = (...given: Parameters<typeof ownCandidates>) => {
  const { candidates, local } = ownCandidates(...given);
  return {
    candidates: candidates.map(({ kind, endpoint }) => `${kind} ${formatEndpoint(endpoint)}`),
    local: local.map(formatEndpoint),
  };
};

describe("an agent's own candidates", () => {
  it('are its interfaces, the mapped port, and what the user gave, each by its kind', () => {
    const given = ['203.0.113.5:5000', '[2001:db8::5]:5000'];
    expect(told(['192.168.1.2', '2001:db8::2'], 51820, '203.0.113.1:40000', given)).toEqual({
      candidates: [
        'interface 192.168.1.2:51820',
        'interface [2001:db8::2]:51820',
        'mapped 203.0.113.1:40000',
        'configured 203.0.113.5:5000',
        'configured [2001:db8::5]:5000',
      ],
      local: ['192.168.1.2:51820', '[2001:db8::2]:51820'],
    });
  });

  it('are none before there is a port', () => {
    expect(told(['192.168.1.2'], 0, '203.0.113.1:40000', ['203.0.113.5:5000'])).toEqual({
      candidates: [],
      local: [],
    });
  });

  it('of settings that somebody wrote by hand, what is no endpoint is left out', () => {
    expect(told([], 51820, null, ['example.com:5000', '203.0.113.5:5000']).candidates).toEqual([
      'configured 203.0.113.5:5000',
    ]);
  });
});

it.each([
  ['192.168.1.2:5', 'interface'],
  ['[fd12::1]:5', 'interface'],
  ['203.0.113.5:5', 'reflexive'],
  ['[2001:db8::1]:5', 'reflexive'],
])('of a peer %s counts as %s', (text, kind) => {
  expect(candidateAt(parseEndpoint(text) as NonNullable<ReturnType<typeof parseEndpoint>>).kind).toBe(kind);
});
