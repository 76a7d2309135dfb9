import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe } from 'vitest';
import { openStore } from '../../../coordinator/store/open.ts';
import { storeConformance } from '../../support/store-conformance.ts';

describe('the store on SQLite', () => {
  storeConformance(async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'warren-store-'));
    return {
      open: (initialise = {}) => openStore({ dataDir, initialise }),
      dump: async () => readFileSync(join(dataDir, 'warren.db')),
      remove: async () => rmSync(dataDir, { recursive: true, force: true }),
    };
  });
});
