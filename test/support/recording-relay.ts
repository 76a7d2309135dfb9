/**
 * `bin/coordinator relay`, whole, that also writes down every datagram it is given to carry: length (4 bytes, big-endian) and
 * bytes.
 *
 *     recording-relay.ts FILE relay --data …
 */
import { appendFileSync, writeFileSync } from 'node:fs';
import { type RelayClient, Switchboard } from '../../coordinator/relay/switchboard.ts';
import { forEachDatagram, isDatagramFrame, readDatagramFrame } from '../../shared/relay-frame.ts';

const [, , file] = process.argv as [string, string, string];
process.argv.splice(2, 1);
writeFileSync(file, '');

const attach = Switchboard.prototype.attach;
Switchboard.prototype.attach = function (...args): RelayClient {
  const client = attach.apply(this, args);
  const receive = client.receive.bind(client);
  client.receive = (frame) => {
    const read = isDatagramFrame(frame) ? readDatagramFrame(frame) : null;
    if (read !== null) forEachDatagram(frame, read, record);
    receive(frame);
  };
  return client;
};

function record(datagram: Uint8Array): void {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(datagram.length);
  appendFileSync(file, Buffer.concat([length, datagram]));
}

await import('../../coordinator/main.ts');
