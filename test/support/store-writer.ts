/**
 * A process that joins nodes: `node store-writer.ts DIR SECRET-HEX COUNT`, COUNT 0 for as many as it lives. Each
 * acknowledged join is a line `ok ADDRESS KEY`, each refusal `refused CODE`.
 */
import { writeSync } from 'node:fs';
import { openStore } from '../../coordinator/store/open.ts';
import { aRequest } from './store.ts';

const [dataDir, secret, count] = process.argv.slice(2) as [string, string, string];
const store = await openStore({ dataDir });
const join = async () => {
  const request = aRequest(Buffer.from(secret, 'hex'));
  try {
    const { node } = await store.join(request);
    // Synchronous: what was written is out before the next join begins.
    writeSync(1, `ok ${node.address4} ${node.publicKey}\n`);
  } catch (error) {
    writeSync(1, `refused ${(error as { code: string }).code}\n`);
  }
};
if (count === '0') for (;;) await join();
await Promise.all(Array.from({ length: Number(count) }, join));
await store.close();
