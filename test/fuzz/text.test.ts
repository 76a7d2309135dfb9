/** Text from users, sockets and files: parsed to something that prints to the same again, or refused in the one way there is. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseUapiEndpoint } from '../../agent/uapi/endpoint.ts';
import { parseSet } from '../../agent/uapi/parse-set.ts';
import { UapiError } from '../../agent/uapi/uapi-error.ts';
import { formatEndpoint, parseEndpoint, parseListen } from '../../shared/endpoint.ts';
import { WarrenError } from '../../shared/errors.ts';
import { canonicalIp, formatIp, parseIp } from '../../shared/ip.ts';
import { formatJoinToken, isCoordinatorUrl, parseJoinToken } from '../../shared/join-token.ts';
import { keyFromBase64, keyFromHex, keyToBase64, keyToHex } from '../../shared/key.ts';
import { canonicalPrefix, formatPrefix, parsePrefix } from '../../shared/prefix.ts';
import { fuzz, spoiledText } from './fuzz.ts';

const addresses = fc.oneof(fc.ipV4(), fc.ipV6());
const endpoints = fc
  .tuple(addresses, fc.nat(70_000))
  .map(([address, port]) => (address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`));
const prefixes = fc.tuple(addresses, fc.nat(140)).map(([address, length]) => `${address}/${length}`);
const key = fc.uint8Array({ minLength: 32, maxLength: 32 });
const text = fc.string({ unit: 'binary', maxLength: 60 });
const like = (good: fc.Arbitrary<string>) => fc.oneof(good, spoiledText(good), text);

describe('addresses, endpoints, prefixes and keys', () => {
  it.each<[string, fc.Arbitrary<string>, (value: string) => string | null]>([
    [
      'IP address',
      addresses,
      (value) => {
        const ip = parseIp(value);
        return ip && formatIp(ip);
      },
    ],
    ['canonical IP address', addresses, canonicalIp],
    [
      'endpoint',
      endpoints,
      (value) => {
        const endpoint = parseEndpoint(value);
        return endpoint && formatEndpoint(endpoint);
      },
    ],
    [
      'prefix',
      prefixes,
      (value) => {
        const prefix = parsePrefix(value);
        return prefix && formatPrefix(prefix);
      },
    ],
    ['canonical prefix', prefixes, canonicalPrefix],
    [
      'key in base64',
      key.map(keyToBase64),
      (value) => {
        const bytes = keyFromBase64(value);
        return bytes && keyToBase64(bytes);
      },
    ],
    [
      'key in hex',
      key.map(keyToHex),
      (value) => {
        const bytes = keyFromHex(value);
        return bytes && keyToHex(bytes);
      },
    ],
  ])('%s: refused, or printed to what reads as the same', (_, good, roundTrip) => {
    let read = 0;
    fuzz(like(good), 4_000, (value) => {
      const once = roundTrip(value);
      if (once === null) return;
      read++;
      expect(roundTrip(once)).toBe(once);
    });
    expect(read).toBeGreaterThan(100);
  });

  it('an address to listen at is read or refused', () => {
    fuzz(like(endpoints), 4_000, (value) => {
      const listen = parseListen(value);
      if (listen !== null) expect(listen.port).toBeLessThanOrEqual(65_535);
    });
  });
});

it('keys are 32 bytes', () => {
  const hexes = fc.uint8Array({ minLength: 30, maxLength: 34 }).map(keyToHex);
  fuzz(
    fc.oneof(like(hexes), like(hexes.map((hex) => Buffer.from(hex, 'hex').toString('base64')))),
    3_000,
    (value) => {
      for (const found of [keyFromHex(value), keyFromBase64(value)])
        if (found !== null) expect(found.length).toBe(32);
    },
  );
});

describe('join tokens', () => {
  const tokens = fc
    .record({
      pin: key,
      secret: key,
      urls: fc.array(
        fc.domain().map((name) => `https://${name}:443`),
        { minLength: 1, maxLength: 3 },
      ),
    })
    .map(formatJoinToken);
  it('are whole or refused as a usage error that does not repeat them', () => {
    fuzz(like(tokens), 2_000, (value) => {
      try {
        const token = parseJoinToken(value);
        expect(token.urls.every(isCoordinatorUrl)).toBe(true);
        expect([token.pin.length, token.secret.length]).toEqual([32, 32]);
        // Whatever bits base64 leaves over, these are the bytes that were made, with their checksum.
        const body = (whole: string) => Buffer.from(whole.trim().slice('warren1_'.length), 'base64url');
        expect(body(formatJoinToken(token))).toEqual(body(value));
      } catch (error) {
        if (!(error instanceof WarrenError)) throw error;
        expect(error.code).toBe('usage');
        if (value.length > 20) expect(`${error.message} ${error.hint}`).not.toContain(value);
      }
    });
  });
});

describe('the configuration protocol of wg(8)', () => {
  const names = fc.constantFrom(
    ...[
      'private_key',
      'listen_port',
      'fwmark',
      'replace_peers',
      'public_key',
      'remove',
      'update_only',
      'preshared_key',
    ],
    ...[
      'endpoint',
      'persistent_keepalive_interval',
      'replace_allowed_ips',
      'allowed_ip',
      'protocol_version',
      '__proto__',
    ],
  );
  const values = fc.oneof(
    key.map(keyToHex),
    endpoints,
    prefixes,
    fc.constantFrom('true', 'false', '', '0', '1', '65536', '-1', '1e3', '0x10'),
    text,
  );
  const line = fc.oneof(
    { weight: 9, arbitrary: fc.tuple(names, values).map((pair) => pair.join('=')) },
    { weight: 1, arbitrary: text },
  );

  it('a request is read whole or refused with an errno', () => {
    let read = 0;
    const lines = fc.oneof(
      fc.array(spoiledText(line), { maxLength: 6 }),
      fc
        .tuple(key.map(keyToHex), prefixes)
        .map(([hex, prefix]) => [`public_key=${hex}`, `allowed_ip=${prefix}`]),
    );
    fuzz(lines, 4_000, (request) => {
      try {
        const { device } = parseSet(request);
        read++;
        for (const peer of device.peers ?? []) expect(peer.publicKey.length).toBe(32);
      } catch (error) {
        if (!(error instanceof UapiError)) throw error;
        expect(error.errno).toBeGreaterThan(0);
      }
    });
    expect(read).toBeGreaterThan(100);
  });

  it('an endpoint is read or refused', () => {
    const scoped = fc
      .tuple(fc.ipV6(), fc.string({ maxLength: 4 }))
      .map(([address, scope]) => `[${address}%${scope}]:1`);
    fuzz(fc.oneof(like(endpoints), like(scoped)), 4_000, (value) => {
      const endpoint = parseUapiEndpoint(value);
      if (endpoint !== null) expect([4, 16]).toContain(endpoint.address.length);
    });
  });
});
