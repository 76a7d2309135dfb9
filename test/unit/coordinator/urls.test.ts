import { expect, it } from 'vitest';
import { withOtherCoordinators } from '../../../coordinator/urls.ts';
import { COORDINATOR_TLS_NAME } from '../../../shared/tls-names.ts';

it('tokens carry the own addresses of a coordinator, those of the others, and those of no other relay', () => {
  const relay = (id: string, ...urls: string[]) => ({
    id,
    urls,
    tlsName: id.startsWith('coordinator-') ? COORDINATOR_TLS_NAME : `${id}.relay.warren.internal`,
    stunServers: [],
  });
  const relays = [
    relay('coordinator-0', 'https://b.example:8443', 'https://shared.example:8443'),
    relay('coordinator-1', 'https://a.example:8443', 'https://shared.example:8443'),
    relay('relay-1', 'https://relay.example:8443'),
  ];
  expect(withOtherCoordinators(['https://a.example:8443', 'https://shared.example:8443'], relays)).toEqual([
    'https://a.example:8443',
    'https://shared.example:8443',
    'https://b.example:8443',
  ]);
});
