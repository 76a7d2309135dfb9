import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseSet } from '../../../agent/uapi/parse-set.ts';
import { printGet } from '../../../agent/uapi/print-get.ts';
import { EINVAL, EPROTO, UapiError } from '../../../agent/uapi/uapi-error.ts';
import { formatPrefix, type Prefix, parsePrefix } from '../../../shared/prefix.ts';

const KEY = 'ab'.repeat(32);
const key = new Uint8Array(32).fill(0xab);
const prefix = (text: string) => parsePrefix(text) as Prefix;

describe('set=1', () => {
  it('every key of device and peer', () => {
    expect(
      parseSet([
        `private_key=${KEY}`,
        'listen_port=51820',
        'fwmark=0x20',
        'replace_peers=true',
        `public_key=${KEY}`,
        'update_only=true',
        `preshared_key=${KEY}`,
        'endpoint=192.0.2.1:7',
        'persistent_keepalive_interval=25',
        'replace_allowed_ips=true',
        'allowed_ip=10.0.0.0/8',
        'allowed_ip=-fd00::/8',
        'protocol_version=1',
        `public_key=${KEY.toUpperCase()}`,
        'remove=true',
      ]),
    ).toEqual({
      socket: { listenPort: 51820, fwmark: 32 },
      device: {
        privateKey: key,
        replacePeers: true,
        peers: [
          {
            publicKey: key,
            updateOnly: true,
            presharedKey: key,
            endpoint: { address: Uint8Array.of(192, 0, 2, 1), port: 7 },
            persistentKeepalive: 25,
            replaceAllowedIps: true,
            allowedIps: [{ prefix: prefix('10.0.0.0/8') }, { prefix: prefix('fd00::/8'), remove: true }],
          },
          { publicKey: key, allowedIps: [], remove: true },
        ],
      },
    });
  });

  it.each([
    ['fwmark=', 0],
    ['fwmark=4294967295', 0xffffffff],
  ])('%s', (line, fwmark) => {
    expect(parseSet([line]).socket.fwmark).toBe(fwmark);
  });

  it.each([
    ['a line without =', ['listen_port'], EPROTO],
    ['an unknown key', ['colour=blue'], EINVAL],
    ['a peer key before any peer', ['endpoint=192.0.2.1:7'], EINVAL],
    ['a device key after a peer', [`public_key=${KEY}`, 'listen_port=1'], EINVAL],
    ['a short key', ['private_key=ab'], EINVAL],
    ['a port beyond 65535', ['listen_port=65536'], EINVAL],
    ['a negative port', ['listen_port=-1'], EINVAL],
    ['replace_peers=false', ['replace_peers=false'], EINVAL],
    ['an endpoint that is a name', [`public_key=${KEY}`, 'endpoint=example.com:7'], EINVAL],
    ['an endpoint without a port', [`public_key=${KEY}`, 'endpoint=192.0.2.1'], EINVAL],
    ['a prefix too long', [`public_key=${KEY}`, 'allowed_ip=10.0.0.0/33'], EINVAL],
    ['a keepalive beyond 65535', [`public_key=${KEY}`, 'persistent_keepalive_interval=65536'], EINVAL],
    ['another protocol version', [`public_key=${KEY}`, 'protocol_version=2'], EINVAL],
  ])('%s is refused as a whole', (_, lines, errno) => {
    const attempt = () => parseSet(lines);
    expect(attempt).toThrow(UapiError);
    try {
      attempt();
    } catch (error) {
      expect((error as UapiError).errno).toBe(errno);
    }
  });

  it('an error never repeats a key', () => {
    expect(() => parseSet([`private_key=${KEY}00`])).toThrow(/^private_key takes 64 hex digits$/);
  });

  it('any text is read or refused, and nothing else', () => {
    fc.assert(
      fc.property(fc.array(fc.string()), (lines) => {
        try {
          parseSet(lines);
        } catch (error) {
          expect(error).toBeInstanceOf(UapiError);
        }
      }),
    );
  });
});

describe('get=1', () => {
  const bytes32 = fc
    .uint8Array({ minLength: 32, maxLength: 32 })
    .filter((bytes) => bytes.some((byte) => byte !== 0));
  const address = fc.oneof(
    fc.uint8Array({ minLength: 4, maxLength: 4 }),
    fc.uint8Array({ minLength: 16, maxLength: 16 }),
  );
  const peers = fc.record({
    publicKey: bytes32,
    presharedKey: fc.option(bytes32),
    endpoint: fc.option(fc.record({ address, port: fc.integer({ min: 1, max: 65535 }) })),
    lastHandshake: fc.nat(2_000_000_000_000),
    rxBytes: fc.nat(),
    txBytes: fc.nat(),
    persistentKeepalive: fc.nat(65535),
    allowedIps: fc.array(
      fc.constantFrom('10.0.0.0/8', '0.0.0.0/0', '::/0', 'fd00::1/128').map((text) => prefix(text)),
    ),
    drops: fc.constant({}),
  });

  it('what is printed can be set again and is the same', () => {
    const snapshots = fc.record({
      listenPort: fc.integer({ min: 1, max: 65535 }),
      fwmark: fc.nat(),
      device: fc.record({
        privateKey: bytes32,
        publicKey: fc.constant(null),
        peers: fc.array(peers, { maxLength: 4 }),
        counters: fc.constant({}),
      }),
    });
    fc.assert(
      fc.property(snapshots, (snapshot) => {
        const readOnly = /^(last_handshake_time_n?sec|[rt]x_bytes)=/;
        const lines = printGet(snapshot)
          .split('\n')
          .filter((line) => line !== '' && !readOnly.test(line));
        const { device, socket } = parseSet(lines);
        expect(socket).toEqual({
          listenPort: snapshot.listenPort,
          ...(snapshot.fwmark === 0 ? {} : { fwmark: snapshot.fwmark }),
        });
        expect(device.privateKey).toEqual(snapshot.device.privateKey);
        expect(device.peers ?? []).toHaveLength(snapshot.device.peers.length);
        snapshot.device.peers.forEach((peer, index) => {
          const read = device.peers?.[index];
          expect(read?.publicKey).toEqual(peer.publicKey);
          expect(read?.presharedKey).toEqual(peer.presharedKey ?? new Uint8Array(32));
          expect(read?.endpoint).toEqual(peer.endpoint ?? undefined);
          expect(read?.persistentKeepalive).toBe(peer.persistentKeepalive);
          expect(read?.allowedIps?.map((entry) => formatPrefix(entry.prefix))).toEqual(
            peer.allowedIps.map(formatPrefix),
          );
        });
      }),
    );
  });

  it('a handshake is told in seconds and nanoseconds', () => {
    const peer = { ...fc.sample(peers, 1)[0], lastHandshake: 1_700_000_000_250 } as never;
    const text = printGet({
      listenPort: 1,
      fwmark: 0,
      device: { privateKey: null, publicKey: null, peers: [peer], counters: {} },
    });
    expect(text).toContain('last_handshake_time_sec=1700000000\nlast_handshake_time_nsec=250000000\n');
    expect(text).not.toContain('private_key');
  });
});
