// Brings a fresh clone to where tests, demo or benchmarks can run: npm packages (Node.js 24 among them) and Debian packages.
//
//     node test/support/setup.mjs [check|demo|test|bench]
//
// Runs on whatever Node.js the machine has, from 14 on, and imports nothing but Node's own modules: nothing else is
// there yet. Does nothing, in some 20 ms, when all is in place.
import { spawnSync } from 'node:child_process';
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** The npm that goes with Node.js 24, for machines that have an older pair. */
const NPM = '11.19.1';

/** Program → Debian package, by what they are needed for. What is there already, from wherever, is not installed. */
const COMPILER = { make: 'make', 'g++': 'g++', python3: 'python3' };
const HOSTS = { ip: 'iproute2', ping: 'iputils-ping', sysctl: 'procps' };
const TESTS = {
  ...HOSTS,
  wg: 'wireguard-tools',
  'wireguard-go': 'wireguard-go',
  nft: 'nftables',
  tcpdump: 'tcpdump',
  tshark: 'tshark',
  'avahi-daemon': 'avahi-daemon',
  'avahi-resolve': 'avahi-utils',
  'dbus-daemon': 'dbus',
  dnsmasq: 'dnsmasq-base',
  dig: 'bind9-dnsutils',
  curl: 'curl',
  udhcpc: 'udhcpc',
  iperf3: 'iperf3',
  ncat: 'ncat',
  ethtool: 'ethtool',
  miniupnpd: 'miniupnpd-nftables',
  stun: 'stun-client',
  turnserver: 'coturn',
  faketime: 'faketime',
  nginx: 'nginx',
  openssl: 'openssl',
  initdb: 'postgresql',
  chromium: 'chromium',
};
/** Tests of containers are left out, with the reason, where no engine can be had. */
const ENGINE = { dockerd: 'docker.io', 'docker-compose': 'docker-compose', debootstrap: 'debootstrap' };
const PROGRAMS = {
  check: {},
  demo: HOSTS,
  test: TESTS,
  bench: { ...HOSTS, wg: 'wireguard-tools', iperf3: 'iperf3', openssl: 'openssl' },
};
/** What the benchmark can do without: a VPN that is not to be had is left out of it. */
const PEERS = { 'wireguard-go': 'wireguard-go', nebula: 'nebula', tincd: 'tinc', openvpn: 'openvpn' };

/** A set-up step that cannot be done; the message says what to do. */
export class SetupError extends Error {}

export function say(text) {
  process.stdout.write(`set-up: ${text}\n`);
}

function isThere(program) {
  const folders = `${process.env.PATH || ''}:/usr/local/sbin:/usr/sbin:/sbin`.split(':');
  if (program === 'initdb' && existsSync('/usr/lib/postgresql'))
    for (const version of readdirSync('/usr/lib/postgresql'))
      folders.push(`/usr/lib/postgresql/${version}/bin`);
  return folders.some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** Installs the Debian packages of those programs that are missing. Why it could not, or null. */
function installPrograms(programs) {
  const missing = Object.keys(programs).filter((program) => !isThere(program));
  if (missing.length === 0) return null;
  const packages = [...new Set(missing.map((program) => programs[program]))].sort();
  const wanted = `${missing.join(', ')} (Debian: ${packages.join(' ')})`;
  if (!isThere('apt-get')) return `missing ${wanted}, and there is no apt-get here: install them by hand`;
  if (process.getuid() !== 0)
    return `missing ${wanted}: run this as root, or \`sudo apt-get install ${packages.join(' ')}\``;
  say(`Debian packages ${packages.join(' ')} …`);
  const apt = (...args) =>
    spawnSync('apt-get', ['-qq', '-o', 'DPkg::Lock::Timeout=300', ...args], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
      maxBuffer: 1 << 28,
      // RUNLEVEL=1: a server among them (PostgreSQL) is not started; the tests start one of their own.
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' },
    });
  apt('update'); // a source that fails need not be the one that matters: the install tells
  const { status, stdout, stderr } = apt('install', '-y', '--no-install-recommends', ...packages);
  const still = missing.filter((program) => !isThere(program));
  if (status === 0 && still.length === 0) return null;
  const lines = `${stdout}${stderr}`.trim().split('\n').slice(-8).join('\n  ');
  return `apt-get could not install ${(still.length ? still : missing).join(', ')}:\n  ${lines}`;
}

/** All at once, or where that fails one by one, so that one which is not to be had does not keep the others away. */
function installOptional(programs) {
  if (!installPrograms(programs)) return;
  for (const [program, debian] of Object.entries(programs)) {
    const problem = installPrograms({ [program]: debian });
    if (problem) say(`${problem}\nset-up: going on without it`);
  }
}

/** Whether node_modules holds what package-lock.json names; packages for other systems and optional ones may lack. */
function npmPackagesAreThere() {
  try {
    const read = (path) => JSON.parse(readFileSync(join(ROOT, path), 'utf8')).packages;
    const locked = read('package-lock.json');
    const installed = read('node_modules/.package-lock.json');
    return Object.keys(locked).every(
      (path) =>
        path === '' ||
        (installed[path]
          ? installed[path].version === locked[path].version
          : locked[path].optional || locked[path].devOptional),
    );
  } catch {
    return false;
  }
}

/** Runs npm to its end. First comes how npm is called (a program and its first arguments), last what PATH begins with. */
function npm([file, ...first], args, cwd, path) {
  const { status, error } = spawnSync(file, [...first, ...args, '--loglevel=error'], {
    cwd,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: path ? { ...process.env, PATH: `${path}:${process.env.PATH}` } : process.env,
  });
  if (status === 0) return;
  const how = error ? error.message : `status ${status}`;
  throw new SetupError(`\`npm ${args.join(' ')}\` failed (${how}): see above, then run it in ${cwd} by hand`);
}

function installNpmPackages() {
  const compiler = installPrograms(COMPILER);
  if (compiler) say(`no compiler for the optional package tuntap2 (${compiler})`);
  // npm itself when npm started us, so that it is the same one.
  const execpath = process.env.npm_execpath;
  const ours = execpath && /\.c?js$/.test(execpath) ? [process.execPath, execpath] : ['npm'];
  // Not `npm ci`: it wants optional packages of every other system in the lock file, and not every registry has them.
  // --include: also under NODE_ENV=production.
  const install = ['install', '--no-save', '--include=dev', '--include=optional'];
  if (Number(process.versions.node.split('.')[0]) >= 24) {
    say('npm packages …');
    npm(ours, install, ROOT);
    return;
  }
  // Under an old Node.js npm silently leaves out optional packages that want a newer one, and the native parts of our
  // tools are such. So first Node.js 24 and an npm for it, to the side, and with these the rest.
  say(`Node.js ${process.versions.node} is too old: Node.js 24 …`);
  const side = join(ROOT, '.setup');
  const modules = join(side, 'node_modules');
  const { devDependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  try {
    mkdirSync(side, { recursive: true });
    writeFileSync(join(side, 'package.json'), '{ "private": true }\n');
    npm(
      ours,
      ['install', '--no-save', '--no-package-lock', `node@${devDependencies.node}`, `npm@${NPM}`],
      side,
    );
    say('npm packages …');
    const bin = join(modules, 'node/bin');
    npm([join(bin, 'node'), join(modules, 'npm/bin/npm-cli.js')], install, ROOT, bin);
  } finally {
    rmSync(side, { recursive: true, force: true });
  }
}

/**
 * Sets up all that `target` needs and says what it does. Throws SetupError where it cannot; for `test`, missing
 * Debian packages are only told, for many tests run without.
 */
export function setUp(target) {
  if (!npmPackagesAreThere()) installNpmPackages();
  if (
    !existsSync(join(ROOT, 'node_modules/node/bin/node')) &&
    Number(process.versions.node.split('.')[0]) < 24
  )
    throw new SetupError(
      `the npm package \`node\` brought no Node.js 24 for this system: install Node.js 24 or later, then try again`,
    );
  if (!existsSync(join(ROOT, 'node_modules/tuntap2/package.json')))
    say('without tuntap2, which did not install: no portable driver (--driver portable); all else works');
  const problem = installPrograms(PROGRAMS[target]);
  if (target === 'bench' && !problem) installOptional(PEERS);
  if (target === 'test' && !problem) installOptional(ENGINE);
  if (!problem) return;
  if (target !== 'test') throw new SetupError(problem);
  say(`${problem}\nset-up: going on without; the tests that need them are left out`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const target = process.argv[2] || 'test';
  if (!(target in PROGRAMS)) {
    process.stderr.write(`set-up: ${target}: expected one of ${Object.keys(PROGRAMS).join(', ')}\n`);
    process.exit(2);
  }
  try {
    setUp(target);
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    process.stderr.write(`set-up: ${error.message}\n`);
    process.exit(1);
  }
}
