import type { Identity, Settings } from '../../agent/state/records.ts';

const key = Buffer.alloc(32, 1).toString('base64');
/** Of a host that has joined. */
export const IDENTITY: Identity = {
  version: 1,
  privateKey: key,
  publicKey: key,
  nodeId: 'n1',
  name: 'ada',
  addresses: ['100.64.0.1'],
  urls: ['https://192.0.2.1:8443'],
  pin: key,
  caCertificate: 'AAAA',
  certificate: 'AAAA',
  certificateKey: 'PEM',
};
/** As `agent join` without any flags. */
export const SETTINGS: Settings = {
  version: 1,
  interfaceName: 'warren0',
  mtu: 1420,
  listenPort: 0,
  driver: null,
  workers: null,
  advertiseRoutes: [],
  mappings: [],
  acceptRoutes: false,
  advertiseExitNode: false,
  exitNode: null,
  exitAllowLan: false,
  siteToSite: false,
  acceptDns: true,
  snat: true,
  endpoints: [],
  stunServers: [],
  metrics: null,
  segments: [],
};
