import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { findPackageJSON } from 'node:module';
import { dirname, join } from 'node:path';

interface BrowserModule {
  /** What scripts import; for a style sheet: null. */
  specifier: string | null;
  package: string;
  /** Inside the package. */
  entry: string;
  /** A folder of the package whose other modules the entry imports. */
  folder?: string;
}

const module = (name: string, entry: string, folder?: string): BrowserModule => ({
  specifier: name,
  package: name,
  entry,
  ...(folder === undefined ? {} : { folder }),
});

/** All of node_modules that browsers may have: what the pages import, and what that imports. */
const MODULES: readonly BrowserModule[] = [
  module('cytoscape', 'dist/cytoscape.esm.min.mjs'),
  module('uplot', 'dist/uPlot.esm.js'),
  { specifier: null, package: 'uplot', entry: 'dist/uPlot.min.css' },
  module('@simplewebauthn/browser', 'esm/index.js', 'esm'),
  ...['commands', 'language', 'lint', 'merge', 'state', 'streamparser', 'view'].map((name) =>
    module(`@codemirror/${name}`, 'dist/index.js'),
  ),
  ...['common', 'highlight'].map((name) => module(`@lezer/${name}`, 'dist/index.js')),
  module('style-mod', 'src/style-mod.js'),
  module('crelt', 'index.js'),
  module('w3c-keyname', 'index.js'),
  module('@marijn/find-cluster-break', 'src/index.js'),
];

/** Where the browser finds a package's file: its version is in the path, so that it may be kept for ever. */
export interface Place {
  url: string;
  file: string;
}

function places(of: BrowserModule): Place[] {
  const manifest = findPackageJSON(of.package, import.meta.url);
  if (manifest === undefined) throw new Error(`the npm package ${of.package} is not installed`);
  const { version } = JSON.parse(readFileSync(manifest, 'utf8')) as { version: string };
  const place = (path: string): Place => ({
    url: `/assets/modules/${of.package}@${version}/${path}`,
    file: join(dirname(manifest), path),
  });
  const { folder } = of;
  if (folder === undefined) return [place(of.entry)];
  const beside = readdirSync(join(dirname(manifest), folder), { recursive: true, encoding: 'utf8' });
  return [
    place(of.entry),
    ...beside.map((path) => place(`${folder}/${path}`)).filter(({ url }) => url.endsWith('.js')),
  ];
}

const FOUND = MODULES.map((of) => ({ of, places: places(of) }));

/** The import map, as the one inline script that pages carry. */
export const IMPORT_MAP = JSON.stringify({
  imports: Object.fromEntries(
    FOUND.filter(({ of }) => of.specifier !== null).map(({ of, places: [entry] }) => [
      of.specifier,
      (entry as Place).url,
    ]),
  ),
});

/** What a Content-Security-Policy allows that script by (CSP 3, 2.3.1). */
export const IMPORT_MAP_SOURCE = `'sha256-${createHash('sha256').update(IMPORT_MAP).digest('base64')}'`;

/** The address of a package's style sheet. Throws for one that is not listed. */
export function moduleStyleSheet(name: string): string {
  const found = FOUND.find(({ of }) => of.specifier === null && of.package === name);
  if (found === undefined) throw new Error(`${name} has no style sheet that browsers may have`);
  return (found.places[0] as Place).url;
}

/** All that browsers may have of node_modules, and under which path. */
export function browserModules(): readonly Place[] {
  return FOUND.flatMap((found) => found.places);
}
