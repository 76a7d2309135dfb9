import { parseArgs } from 'node:util';

export interface Options {
  parts: { compare: boolean; scale: boolean; heap: boolean; relay: boolean; policy: boolean };
  quick: boolean;
  rounds: number;
  only: string[] | null;
  wireguardGo: string | undefined;
  /** Where the page goes; null when nothing is written. */
  folder: string | null;
  /** Parts that were not made stay as they are there. */
  keepsOthers: boolean;
}

export const USAGE = `npm run bench -- [OPTION…]

  without options      everything, some 30 minutes, and docs/benchmark.md of it

  --compare            all contenders against each other, printed only
  --scale              1 to 1,000 peers, packets of 64 to 1400 bytes; Warren and the newest wireguard-go
  --heap               what Warren allocates for a packet
  --relay              by relay against direct
  --policy             1,000 rules against none; the coordinator's work for 10,000 nodes and 500 rules
  --quick              short: by itself one round of the comparison, else of the parts named
  --rounds N           rounds of the comparison (5)
  --only NAME,…        contenders of the comparison whose name contains one of these
  --wireguard-go FILE  another build of it, which the bars are held against
  --to FOLDER          writes page, pictures and figures there, whatever parts were made
  --into FOLDER        the same, but parts that were not made stay as they are there
  --help               this text`;

/** Throws an Error that says what is wrong and what was expected. Null: help was asked for. */
export function readOptions(args: readonly string[]): Options | null {
  const { values } = parseArgs({
    args: [...args],
    options: {
      compare: { type: 'boolean', default: false },
      scale: { type: 'boolean', default: false },
      heap: { type: 'boolean', default: false },
      relay: { type: 'boolean', default: false },
      policy: { type: 'boolean', default: false },
      quick: { type: 'boolean', default: false },
      rounds: { type: 'string' },
      only: { type: 'string' },
      'wireguard-go': { type: 'string' },
      to: { type: 'string' },
      into: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return null;
  const { compare, scale, heap, relay, policy, quick } = values;
  const named = compare || scale || heap || relay || policy;
  const rounds = Number(values.rounds ?? (quick ? 1 : 5));
  if (!Number.isInteger(rounds) || rounds < 1)
    throw new Error(`--rounds ${values.rounds}: expected a whole number from 1`);
  const complete = !named && !quick && values.only === undefined;
  return {
    parts: {
      compare: compare || !named,
      scale: scale || complete,
      heap: heap || complete,
      relay: relay || complete,
      policy: policy || complete,
    },
    ...{
      quick,
      rounds,
      only: values.only?.split(',').map((part) => part.trim()) ?? null,
      wireguardGo: values['wireguard-go'],
    },
    folder: values.into ?? values.to ?? (complete ? 'docs' : null),
    keepsOthers: values.into !== undefined,
  };
}
