/** Relays and their clients for tests, over real TLS. */
import { type RelayCallbacks, RelayClient, type RelayState } from '../../agent/relay/client.ts';
import { ownRelayId } from '../../coordinator/relay/own-relay.ts';
import { systemClock } from '../../shared/clock.ts';
import { createLogger } from '../../shared/log.ts';
import { COORDINATOR_TLS_NAME } from '../../shared/tls-names.ts';
import type { Member, Shown, TestGrpc } from './grpc-coordinator.ts';
import { waitFor } from './wait-for.ts';

export interface Heard {
  from: string;
  bytes: Buffer;
}

/** A client that remembers what it heard. */
export class TestRelayClient {
  readonly heard: Heard[] = [];
  readonly gone: string[] = [];
  readonly unsent: string[] = [];
  readonly states: RelayState[] = [];
  readonly client: RelayClient;

  constructor(
    relay: { id?: string; url: string; tlsName?: string },
    grpc: TestGrpc,
    shown: Shown,
    callbacks: Partial<RelayCallbacks> = {},
  ) {
    this.client = new RelayClient(
      {
        id: relay.id ?? ownRelayId('test'),
        urls: [`https://${relay.url}`],
        tlsName: relay.tlsName ?? COORDINATOR_TLS_NAME,
        authority: grpc.authority.certificate,
      },
      () => ({ certificate: derOf(shown.certificate), privateKey: shown.privateKey }),
      systemClock,
      createLogger('silent', 'test'),
      {
        onDatagram: (from, bytes) => this.heard.push({ from, bytes: Buffer.from(bytes) }),
        onState: (state) => this.states.push(state),
        onPeerGone: (nodeId) => this.gone.push(nodeId),
        onUnsent: (nodeId, datagram) => this.unsent.push(`${nodeId}: ${Buffer.from(datagram)}`),
        ...callbacks,
      },
    );
    this.client.start();
  }

  connected(): Promise<unknown> {
    return waitFor('the connection to the relay', () => this.client.state === 'connected', { interval: 5 });
  }

  close(): void {
    this.client.close();
  }
}

/** A connected client of the coordinator's own relay. */
export async function connectedClient(
  grpc: TestGrpc,
  member: Member,
  callbacks: Partial<RelayCallbacks> = {},
): Promise<TestRelayClient> {
  const client = new TestRelayClient({ url: grpc.url }, grpc, member.shown, callbacks);
  await client.connected();
  return client;
}

export function derOf(pemText: string): Uint8Array {
  return new Uint8Array(Buffer.from(pemText.replace(/-----[^-]+-----|\s/g, ''), 'base64'));
}
