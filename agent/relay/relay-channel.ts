import { type ChannelOptions, Client, type ClientDuplexStream, credentials } from '@grpc/grpc-js';
import { RelayService } from '../../proto/gen/warren.ts';
import { pem } from '../../shared/pem.ts';
import { MAX_FRAME } from '../../shared/relay-frame.ts';

/** The client certificate of this node. */
export interface RelayCertificate {
  /** DER. */
  certificate: Uint8Array;
  /** PEM. */
  privateKey: string;
}

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
  own: RelayCertificate,
): RelayChannel {
  const options: ChannelOptions = {
    'grpc.ssl_target_name_override': tlsName,
    'grpc.default_authority': tlsName,
    'grpc.max_receive_message_length': 2 * MAX_FRAME,
    'grpc.keepalive_time_ms': 10_000,
    'grpc.keepalive_timeout_ms': 5_000,
    'grpc-node.flow_control_window': RECEIVE_WINDOW,
    // Of its own, or what is sent to the coordinator would wait behind datagrams.
    'grpc.use_local_subchannel_pool': 1,
    // A web proxy of the environment is not meant for this.
    'grpc.enable_http_proxy': 0,
    // Retrying is decided in client.ts.
    'grpc.enable_retries': 0,
  };
  const client = new Client(
    target(url),
    credentials.createSsl(
      Buffer.from(pem(authority, 'CERTIFICATE')),
      Buffer.from(own.privateKey),
      Buffer.from(pem(own.certificate, 'CERTIFICATE')),
    ),
    options,
  );
  const stream = client.makeBidiStreamRequest(
    RelayService.connect.path,
    (bytes: Buffer) => bytes,
    (bytes: Buffer) => bytes,
  );
  return { stream, close: () => client.close() };
}

/** gRPC's name of an address (https://grpc.github.io/grpc/core/md_doc_naming.html). */
function target(url: string): string {
  const { hostname, port } = new URL(url);
  if (hostname.startsWith('[')) return `ipv6:${hostname}:${port}`;
  return /^\d+\.\d+\.\d+\.\d+$/.test(hostname) ? `ipv4:${hostname}:${port}` : `dns:${hostname}:${port}`;
}
