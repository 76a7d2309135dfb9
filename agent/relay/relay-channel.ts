import { Client, type ClientDuplexStream } from '@grpc/grpc-js';
import { RelayService } from '../../proto/gen/warren.ts';
import {
  type ClientCertificate,
  grpcTarget,
  ownChannelOptions,
  ownCredentials,
} from '../../shared/own-channel.ts';
import { MAX_FRAME } from '../../shared/relay-frame.ts';

/** Bytes that may be under way to this host: 64 KiB, which HTTP/2 begins with, are 10 Mbit/s over 50 ms. */
const RECEIVE_WINDOW = 1 << 20;

/** One connection to a relay: a stream of frames as bytes. */
export interface RelayChannel {
  stream: ClientDuplexStream<Buffer, Buffer>;
  close(): void;
}

/**
 * Begins to connect to a relay (https://HOST:PORT) whose certificate has this name and is signed by this CA (DER), and no
 * other. What goes wrong is the stream's error.
 */
export function openRelayChannel(
  url: string,
  tlsName: string,
  authority: Uint8Array,
  own: ClientCertificate,
): RelayChannel {
  const client = new Client(grpcTarget(url), ownCredentials(authority, own), {
    ...ownChannelOptions(tlsName, 2 * MAX_FRAME),
    'grpc-node.flow_control_window': RECEIVE_WINDOW,
    // Of its own, or what is sent to the coordinator would wait behind datagrams.
    'grpc.use_local_subchannel_pool': 1,
  });
  const stream = client.makeBidiStreamRequest(
    RelayService.connect.path,
    (bytes: Buffer) => bytes,
    (bytes: Buffer) => bytes,
  );
  return { stream, close: () => client.close() };
}
