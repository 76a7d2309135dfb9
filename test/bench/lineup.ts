/** Who is measured: all that this machine can run. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { workersByCores } from '../../agent/tunnel/workers.ts';
import type { Contender } from './contender.ts';
import { bare } from './contenders/bare.ts';
import { nebula } from './contenders/nebula.ts';
import { openvpn } from './contenders/openvpn.ts';
import { tinc } from './contenders/tinc.ts';
import { type WireGuardContender, warren, warrenVersion, wireguardGo } from './contenders/wireguard.ts';
import { installed, NotToBeHad, type Program, RELEASES, unpacked } from './programs.ts';

export interface Lineup {
  /** In the order of measurement; `ours` and `reference` first and side by side, for their ratios are what counts. */
  contenders: Contender[];
  /** Warren as it is without options: the linux driver, with as many workers as it takes by itself. */
  ours: WireGuardContender;
  /** The newest wireguard-go, which the bars are held against. */
  reference: WireGuardContender | null;
  leftOut: { name: string; reason: string }[];
}

const TUNTAP2 = join(import.meta.dirname, '../../node_modules/tuntap2/package.json');

/** `otherBuild`: a wireguard-go which then is the reference, whatever its version. */
export async function lineup(otherBuild?: string): Promise<Lineup> {
  const leftOut: Lineup['leftOut'] = [];
  const orNull = async <T>(name: string, find: () => Promise<T>): Promise<T | null> => {
    try {
      return await find();
    } catch (error) {
      if (!(error instanceof NotToBeHad)) throw error;
      leftOut.push({ name, reason: error.message });
      return null;
    }
  };
  const asked = ['--version'];
  const version = await warrenVersion();
  const workers = [...new Set([workersByCores(), 1, 2])];
  const [ours, ...otherWorkers] = workers.map((count) => warren(version, 'linux', count)) as [
    WireGuardContender,
  ];

  /** Of every release and as installed. */
  const allOf = async (program: string, ask: string[]) => {
    const found = [await orNull(`${program}, as installed`, () => installed(program, program, ask))];
    for (const release of RELEASES)
      found.push(await orNull(`${program} of ${release}`, () => unpacked(program, program, release, ask)));
    return distinctNewestFirst(found.filter((one) => one !== null));
  };

  const builds = (await allOf('wireguard-go', asked)).map((program) => wireguardGo(program));
  if (otherBuild !== undefined)
    builds.unshift(wireguardGo(await installed(otherBuild, 'none', asked), 'wireguard-go (given)'));
  const [reference = null, ...older] = builds;

  // The newest two: the older the less it says.
  const nebulas = (await allOf('nebula', ['-version'])).slice(0, 2).map(nebula);
  const tincd = await orNull('tinc', () => installed('tincd', 'tinc', asked));
  const openvpnProgram = await orNull('openvpn', () => installed('openvpn', 'openvpn', asked));
  const portable = existsSync(TUNTAP2) ? warren(version, 'portable') : null;
  if (portable === null)
    leftOut.push({
      name: 'Warren (portable driver)',
      reason: 'its optional package tuntap2 is not installed',
    });

  const contenders = [
    ...[ours, reference, ...otherWorkers, ...older, ...nebulas],
    ...[tincd && tinc(tincd), openvpnProgram && openvpn(openvpnProgram), portable, bare],
  ].filter((contender) => contender !== null);
  return { contenders, ours, reference, leftOut };
}

/** One of each version, the newest first. */
function distinctNewestFirst(programs: readonly Program[]): Program[] {
  const byVersion = new Map(programs.map((program) => [program.version.replace(/[-+].*/, ''), program]));
  return [...byVersion]
    .sort(([a], [b]) => b.localeCompare(a, 'en', { numeric: true }))
    .map(([, program]) => program);
}
