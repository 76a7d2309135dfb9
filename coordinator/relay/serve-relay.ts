import { X509Certificate } from 'node:crypto';
import { Server } from '@grpc/grpc-js';
import type { Clock } from '../../shared/clock.ts';
import { WarrenError } from '../../shared/errors.ts';
import type { Logger } from '../../shared/log.ts';
import { pem } from '../../shared/pem.ts';
import { OptionalClientCertificate } from '../grpc/credentials.ts';
import type { ServerCertificate } from '../pki/authority.ts';
import type { RelayFacts } from '../store/contract/relays.ts';
import { ControlClient } from './control-client.ts';
import { MembersKeeper, readMembers } from './kept-members.ts';
import { RelayEndpoint } from './relay-endpoint.ts';
import type { RelayIdentity } from './relay-identity.ts';
import { RemoteMembership } from './remote-membership.ts';
import { type RelayRates, Switchboard } from './switchboard.ts';

/** Twice the longest frame. */
const MAX_MESSAGE = 256 * 1024;

export interface RelayServerOptions {
  identity: RelayIdentity;
  listen: { host: string; port: number };
  /** What the coordinator is told of this relay, once its port is known. */
  facts: (port: number) => RelayFacts;
  rates: RelayRates;
  clock: Clock;
  log: Logger;
  /** Where it keeps its members; it knows already those that are there. */
  folder: string;
  onIdentity: (identity: RelayIdentity) => void;
  /** The coordinator took this relay out of its network. */
  onRefused: (error: WarrenError) => void;
}

export interface RelayServer {
  /** As bound. */
  port: number;
  switchboard: Switchboard;
  close(): Promise<void>;
}

/** A relay on a host of its own. Throws `in-use` when somebody else has the address. */
export async function serveRelay(options: RelayServerOptions): Promise<RelayServer> {
  const { identity, listen, clock, log } = options;
  const membership = new RemoteMembership(clock, readMembers(options.folder, clock.wall(), log));
  const keeper = new MembersKeeper(options.folder, () => membership.all(), clock, log);
  const switchboard = new Switchboard(membership, options.rates, clock);
  const endpoint = new RelayEndpoint(identity.relayId, membership, switchboard, log);
  const server = new Server({
    'grpc.max_receive_message_length': MAX_MESSAGE,
    'grpc.max_concurrent_streams': 4,
    'grpc.max_connection_idle_ms': 60_000,
    'grpc.keepalive_time_ms': 20_000,
    'grpc.keepalive_timeout_ms': 10_000,
  });
  endpoint.addTo(server);
  const credentials = new OptionalClientCertificate(serverCertificate(identity));
  const host = listen.host.includes(':') ? `[${listen.host}]` : listen.host;
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync(`${host}:${listen.port}`, credentials, (cause, bound) => {
      if (cause === null) resolve(bound);
      else {
        membership.close();
        reject(
          new WarrenError('in-use', `cannot listen for agents on ${host}:${listen.port}: ${cause.message}`, {
            hint: 'choose another address with --listen HOST:PORT',
            cause,
          }),
        );
      }
    });
  });
  const control = new ControlClient(identity, options.facts(port), clock, log, {
    onOrder: (order) => {
      if (order.$case === 'members') membership.replace(order.value);
      else if (order.$case === 'changes') membership.change(order.value);
      keeper.heard(order.$case !== 'heartbeat');
    },
    onRefused: options.onRefused,
    onIdentity: (renewed) => {
      options.onIdentity(renewed);
      credentials.replace(serverCertificate(renewed));
    },
  });
  control.start();
  return {
    port,
    switchboard,
    close: async () => {
      await endpoint.close();
      control.close();
      keeper.close();
      membership.close();
      server.forceShutdown();
    },
  };
}

function serverCertificate(identity: RelayIdentity): ServerCertificate {
  const leaf = Buffer.from(identity.certificate, 'base64');
  const authority = pem(Buffer.from(identity.caCertificate, 'base64'), 'CERTIFICATE');
  return {
    chain: `${pem(leaf, 'CERTIFICATE')}${authority}`,
    authority,
    privateKey: identity.certificateKey,
    expiresAt: new X509Certificate(leaf).validToDate.getTime(),
  };
}
