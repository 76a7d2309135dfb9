// `npm pack` has this make dist/: what the npm package holds. Node.js strips no types of files below node_modules, so here they are
// stripped before, and imports end in .js. `npm pack` takes it away again (postpack).
import {
  chmodSync,
  copyFileSync,
  globSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const DIST = join(ROOT, 'dist');
const PARTS = ['bin/*', '{agent,coordinator,shared}/**/*', 'proto/gen/*', 'package.json', 'LICENSE'];

/** A string that ends in .ts is the path of one of our modules: in an import, a worker's URL, a list of them. */
const moduleNames = (code) => code.replace(/(['"])([^'"\s]*)\.ts\1/g, '$1$2.js$1');

function build(path) {
  const from = join(ROOT, path);
  if (!statSync(from).isFile()) return;
  const to = join(DIST, path);
  mkdirSync(dirname(to), { recursive: true });
  if (path.endsWith('.ts')) {
    const code = stripTypeScriptTypes(readFileSync(from, 'utf8'));
    writeFileSync(to.replace(/\.ts$/, '.js'), moduleNames(code));
  } else if (path.startsWith('bin/')) {
    writeFileSync(to, readFileSync(from, 'utf8').replaceAll('/main.ts"', '/main.js"'));
    chmodSync(to, 0o755);
  } else copyFileSync(from, to);
}

rmSync(DIST, { recursive: true, force: true });
for (const path of globSync(PARTS, { cwd: ROOT })) build(path);
