import { type ChannelCredentials, type ChannelOptions, credentials } from '@grpc/grpc-js';
import { pem } from './pem.ts';
import { portOfUrl } from './url-port.ts';

/** gRPC channels to those whose certificates the network's own CA signed: the coordinator and relays. */

/** The client certificate of a node or a relay. */
export interface ClientCertificate {
  /** DER. */
  certificate: Uint8Array;
  /** PEM. */
  privateKey: string;
}

/** gRPC's name of what is at a URL, https://HOST:PORT (https://grpc.github.io/grpc/core/md_doc_naming.html). */
export function grpcTarget(url: string): string {
  const { hostname } = new URL(url);
  const port = portOfUrl(url);
  if (hostname.startsWith('[')) return `ipv6:${hostname}:${port}`;
  return /^\d+\.\d+\.\d+\.\d+$/.test(hostname) ? `ipv4:${hostname}:${port}` : `dns:${hostname}:${port}`;
}

/** TLS under that CA (DER) and no other root; mutual where a certificate is given. */
export function ownCredentials(authority: Uint8Array, own: ClientCertificate | null): ChannelCredentials {
  return credentials.createSsl(
    Buffer.from(pem(authority, 'CERTIFICATE')),
    own === null ? null : Buffer.from(own.privateKey),
    own === null ? null : Buffer.from(pem(own.certificate, 'CERTIFICATE')),
  );
}

/** `tlsName`: the name in the other end's certificate. `maxMessage`: the longest message that it may send, bytes. */
export function ownChannelOptions(tlsName: string, maxMessage: number): ChannelOptions {
  return {
    'grpc.ssl_target_name_override': tlsName,
    'grpc.default_authority': tlsName,
    'grpc.max_receive_message_length': maxMessage,
    'grpc.keepalive_time_ms': 10_000,
    'grpc.keepalive_timeout_ms': 5_000,
    // A web proxy of the environment is not meant for this.
    'grpc.enable_http_proxy': 0,
    // Whoever opens it decides when to try again.
    'grpc.enable_retries': 0,
  };
}
