/** Gives back start-up pages all the time, while threads load native modules and libraries and end again. Ends with 0 if nothing breaks. */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { releaseStartupPages } from '../../agent/host/startup-pages.ts';

const LIBRARIES = [
  'libz.so.1',
  'libm.so.6',
  'libresolv.so.2',
  'libutil.so.1',
  'libbz2.so.1.0',
  'liblzma.so.5',
];
const LOADING = `
  const koffi = require('koffi');
  require('tuntap2');
  for (const library of ${JSON.stringify(LIBRARIES)}) {
    try { koffi.load(library).unload(); } catch { /* Not on this machine. */ }
  }`;

const timer = setInterval(releaseStartupPages, 1);
for (let count = 0; count < 20; count++) {
  await once(new Worker(LOADING, { eval: true }), 'exit');
}
clearInterval(timer);
