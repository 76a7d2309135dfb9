// `npm run check`: format, lint and import boundaries; types; the contract, and that its generated code is fresh.
// Runs on whatever Node.js the machine has, from 14 on.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT, SetupError, setUp } from './setup.mjs';

const failed = [];

function step(name, program, ...args) {
  process.stdout.write(`check: ${name}\n`);
  const { status, error } = spawnSync(join(ROOT, 'node_modules/.bin', program), args, {
    cwd: ROOT,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  if (error) process.stderr.write(`${error.message}\n`);
  if (status !== 0) failed.push(name);
}

function generatedCodeIsFresh() {
  const folder = mkdtempSync(join(tmpdir(), 'warren-proto-'));
  try {
    step('proto: generate', 'buf', 'generate', '--output', folder);
    const contents = (base) =>
      Object.fromEntries(
        readdirSync(join(base, 'proto/gen')).map((name) => [
          name,
          readFileSync(join(base, 'proto/gen', name), 'utf8'),
        ]),
      );
    if (JSON.stringify(contents(folder)) === JSON.stringify(contents(ROOT))) return;
    process.stderr.write(
      'check: proto/gen is not what proto/ generates: run `npm run proto` and commit it\n',
    );
    failed.push('proto: fresh');
  } catch (error) {
    process.stderr.write(`check: ${error.message}\n`);
    failed.push('proto: fresh');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

try {
  setUp('check');
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  process.stderr.write(`set-up: ${error.message}\n`);
  process.exit(1);
}
step('format, lint, import boundaries', 'biome', 'check', '--error-on-warnings');
step('types', 'tsc', '-p', '.');
step('proto: lint', 'buf', 'lint');
generatedCodeIsFresh();
process.stdout.write(failed.length ? `check: failed: ${failed.join('; ')}\n` : 'check: all is well\n');
process.exit(failed.length ? 1 : 0);
