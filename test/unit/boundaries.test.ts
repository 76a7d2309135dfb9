import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { Child } from '../support/process.ts';

const ROOT = join(import.meta.dirname, '../..');
let folder = '';

afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** What Biome, under this project's rules, says of files planted in an otherwise empty tree. */
async function lint(files: Record<string, string>): Promise<string> {
  folder = mkdtempSync(join(tmpdir(), 'warren-boundaries-'));
  const rules = JSON.parse(readFileSync(join(ROOT, 'biome.json'), 'utf8'));
  rules.vcs.enabled = false; // it is no git repository
  for (const [path, source] of Object.entries({ 'biome.json': JSON.stringify(rules), ...files })) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), source);
  }
  const child = new Child(join(ROOT, 'node_modules/.bin/biome'), ['lint'], { cwd: folder });
  await child.exited;
  return child.output;
}

const use = (path: string) => `import { thing } from '${path}';\nthing();\n`;
const IMPORT = 'lint/style/noRestrictedImports';
const GLOBAL = 'lint/style/noRestrictedGlobals';

describe('the import boundaries of DESIGN.md', () => {
  it.each([
    ['shared/x.ts', use('../agent/daemon/daemon.ts'), IMPORT],
    ['shared/x.ts', use('../proto/gen/warren.ts'), IMPORT],
    ['agent/wireguard/x.ts', use('../mesh/network-map.ts'), IMPORT],
    ['agent/wireguard/x.ts', use('../tunnel/driver.ts'), IMPORT],
    ['agent/wireguard/x.ts', use('../../proto/gen/warren.ts'), IMPORT],
    ['agent/wireguard/x.ts', use('node:dgram'), IMPORT],
    ['agent/wireguard/x.ts', use('node:crypto'), IMPORT],
    ['agent/wireguard/x.ts', use('koffi'), IMPORT],
    ['agent/wireguard/x.ts', 'export const now = () => Date.now();\n', GLOBAL],
    ['agent/wireguard/x.ts', 'setTimeout(() => {}, 1);\n', GLOBAL],
    ['agent/wireguard/x.ts', 'process.exit();\n', GLOBAL],
    ['agent/paths/x.ts', use('../wireguard/device.ts'), IMPORT],
    ['agent/paths/x.ts', use('../tunnel/driver.ts'), IMPORT],
    ['agent/paths/x.ts', use('node:dgram'), IMPORT],
    ['agent/paths/x.ts', 'export const now = () => Date.now();\n', GLOBAL],
    ['agent/relay/x.ts', use('../control/connect.ts'), IMPORT],
    ['agent/relay/x.ts', use('../../coordinator/relay/switchboard.ts'), IMPORT],
    ['agent/tunnel/x.ts', use('../../coordinator/store/store.ts'), IMPORT],
    ['agent/tunnel/x.ts', use('../mesh/network-map.ts'), IMPORT],
    ['agent/drivers/linux/x.ts', use('../../daemon/daemon.ts'), IMPORT],
    ['agent/uapi/x.ts', use('../cli/tunnel.ts'), IMPORT],
    ['agent/host/x.ts', use('../daemon/daemon.ts'), IMPORT],
    ['agent/names/x.ts', use('../daemon/daemon.ts'), IMPORT],
    ['agent/cli/x.ts', use('../../coordinator/main.ts'), IMPORT],
    ['agent/mesh/x.ts', use('../host/routes.ts'), IMPORT],
    ['agent/mesh/x.ts', use('../daemon/daemon.ts'), IMPORT],
    ['agent/mesh/x.ts', use('node:child_process'), IMPORT],
    ['agent/mesh/x.ts', 'export const now = () => Date.now();\n', GLOBAL],
    ['agent/control/x.ts', use('../../coordinator/pki/authority.ts'), IMPORT],
    ['agent/daemon/daemon.ts', use('../../test/support/netns.ts'), IMPORT],
    ['coordinator/network/x.ts', use('../store/store.ts'), IMPORT],
    ['coordinator/network/x.ts', use('kysely'), IMPORT],
    ['coordinator/network/x.ts', 'setInterval(() => {}, 1);\n', GLOBAL],
    ['coordinator/store/x.ts', use('../grpc/join.ts'), IMPORT],
    ['coordinator/store/x.ts', "import { sql } from 'kysely';\nexport const one = sql`1`;\n", IMPORT],
    ['coordinator/telemetry/x.ts', use('../grpc/map-feed.ts'), IMPORT],
    ['coordinator/telemetry/x.ts', use('../admin/app.ts'), IMPORT],
    ['coordinator/fellows/x.ts', use('../grpc/sync.ts'), IMPORT],
    ['coordinator/grpc/x.ts', use('../../agent/mesh/network-map.ts'), IMPORT],
    ['coordinator/grpc/x.ts', use('../cli/serve.ts'), IMPORT],
    ['coordinator/cli/x.ts', use('../../agent/main.ts'), IMPORT],
  ])('%s may not hold %j', async (path, source, rule) => {
    expect(await lint({ [path]: source })).toContain(rule);
  });

  it.each([
    ['agent/wireguard/x.ts', use('../../shared/ip.ts')],
    ['agent/wireguard/x.ts', use('./packet-buffer.ts')],
    ['agent/wireguard/x.ts', use('@noble/hashes/blake2.js')],
    ['agent/paths/x.ts', use('../wireguard/udp-address.ts')],
    ['agent/paths/x.ts', use('../../shared/prefix.ts')],
    ['agent/relay/x.ts', use('../../shared/relay-frame.ts')],
    ['agent/relay/x.ts', use('../../proto/gen/warren.ts')],
    ['agent/tunnel/x.ts', use('../wireguard/device.ts')],
    ['agent/drivers/linux/x.ts', use('../../tunnel/driver.ts')],
    ['agent/mesh/x.ts', use('../wireguard/configuration.ts')],
    ['agent/daemon/daemon.ts', use('../mesh/wanted-state.ts')],
    ['coordinator/store/x.ts', use('../network/names.ts')],
    ['coordinator/store/x.ts', "import type { Kysely } from 'kysely';\nexport type X = Kysely<unknown>;\n"],
    ['coordinator/fellows/x.ts', use('../telemetry/telemetry.ts')],
    ['coordinator/grpc/x.ts', use('../store/store.ts')],
    ['coordinator/grpc/x.ts', use('../../proto/gen/warren.ts')],
  ])('%s may hold %j', async (path, source) => {
    const said = await lint({ [path]: source });
    expect(said).toContain('Checked 2 files');
    expect(said).not.toContain(IMPORT);
  });
});

describe('other rules that the linter holds', () => {
  it.each([
    ['a promise that nobody awaits', 'async function f() {}\nf();\n', 'noFloatingPromises'],
    ['any', 'export const x: any = 1;\n', 'noExplicitAny'],
    ['an unused import', "import { join } from 'node:path';\n", 'noUnusedImports'],
    ['a built-in without node:', "import { join } from 'path';\njoin();\n", 'useNodejsImportProtocol'],
  ])('%s is an error', async (_name, source, rule) => {
    expect(await lint({ 'agent/x.ts': source })).toContain(rule);
  });

  it('a circle of imports is an error', async () => {
    const said = await lint({
      'agent/a.ts': "import { b } from './b.ts';\nexport const a = () => b;\n",
      'agent/b.ts': "import { a } from './a.ts';\nexport const b = () => a;\n",
    });
    expect(said).toContain('noImportCycles');
  });
});
