import { logVerbosity, Server, setLogVerbosity } from '@grpc/grpc-js';
import { CoordinatorService, RelayControlService } from '../../proto/gen/warren.ts';
import { WarrenError } from '../../shared/errors.ts';
import { LocalMembership } from '../relay/local-membership.ts';
import { ownRelayId } from '../relay/own-relay.ts';
import { RelayControl } from '../relay/relay-control.ts';
import { RelayEndpoint } from '../relay/relay-endpoint.ts';
import { Switchboard } from '../relay/switchboard.ts';
import { Telemetry } from '../telemetry/telemetry.ts';
import type { RpcContext } from './context.ts';
import { OptionalClientCertificate } from './credentials.ts';
import { describe } from './describe.ts';
import { join } from './join.ts';
import { leave } from './leave.ts';
import { MapFeed } from './map-feed.ts';
import { renew } from './renew.ts';
import { SyncService } from './sync.ts';

const DAY = 24 * 60 * 60 * 1000;
/** Nothing that an agent has to say is longer. */
const MAX_MESSAGE = 256 * 1024;
const MAX_STREAMS_OF_A_CONNECTION = 16;

export interface GrpcServer {
  /** As bound. */
  port: number;
  feed: MapFeed;
  telemetry: Telemetry;
  switchboard: Switchboard;
  /** Says anew of all agents that are connected here that they are online. */
  tellPresence(): void;
  /** How many agents are connected here. */
  streams(): number;
  close(): Promise<void>;
}

// What the library would print to standard error reaches us as an error too, and is told once.
setLogVerbosity(logVerbosity.NONE);

/** Serves agents on one TCP address. Throws `in-use` when somebody else has it. */
export async function serveGrpc(
  context: RpcContext,
  listen: { host: string; port: number },
): Promise<GrpcServer> {
  const { authority, clock, log } = context;
  const feed = await MapFeed.open(context.store, clock, log);
  const telemetry = new Telemetry(feed, clock);
  const sync = new SyncService(context, feed, telemetry);
  const server = new Server({
    'grpc.max_receive_message_length': MAX_MESSAGE,
    'grpc.max_concurrent_streams': MAX_STREAMS_OF_A_CONNECTION,
    // Connections that do nothing are ended, those whose other end is gone are noticed.
    'grpc.max_connection_idle_ms': 60_000,
    'grpc.keepalive_time_ms': 20_000,
    'grpc.keepalive_timeout_ms': 10_000,
  });
  const membership = new LocalMembership(context, feed);
  const switchboard = new Switchboard(membership, context.relayRates, clock);
  const relay = new RelayEndpoint(ownRelayId(context.instance), membership, switchboard, log);
  relay.addTo(server);
  const control = new RelayControl(context, feed);
  server.addService(RelayControlService, control.handlers());
  server.addService(CoordinatorService, {
    describe: describe(context),
    join: join(context),
    renew: renew(context),
    leave: leave(context),
    sync: sync.handler(),
  });
  let certificate = await authority.issueServer(clock.wall());
  const credentials = new OptionalClientCertificate(certificate);
  const host = listen.host.includes(':') ? `[${listen.host}]` : listen.host;
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync(`${host}:${listen.port}`, credentials, (cause, bound) => {
      if (cause === null) resolve(bound);
      else {
        reject(
          new WarrenError('in-use', `cannot listen for agents on ${host}:${listen.port}: ${cause.message}`, {
            hint: 'choose another address with --listen HOST:PORT',
            cause,
          }),
        );
      }
    });
  }).catch(async (error: unknown) => {
    feed.close();
    telemetry.close();
    membership.close();
    control.close();
    await sync.close();
    throw error;
  });
  const renewal = setInterval(() => {
    if (certificate.expiresAt - clock.wall() > 120 * DAY) return;
    authority.issueServer(clock.wall()).then(
      (fresh) => {
        certificate = fresh;
        credentials.replace(fresh);
        log.info('renewed the server certificate');
      },
      (error: unknown) => log.error({ err: error }, 'the server certificate was not renewed'),
    );
  }, DAY);
  return {
    port,
    feed,
    telemetry,
    switchboard,
    tellPresence: () => sync.tellPresence(),
    streams: () => sync.size,
    close: async () => {
      clearInterval(renewal);
      // The relay last among the streams: its clients are told before they lose it.
      await relay.close();
      membership.close();
      control.close();
      feed.close();
      await sync.close();
      telemetry.close();
      // Streams were ended; what still hangs on is not waited for.
      server.forceShutdown();
    },
  };
}
