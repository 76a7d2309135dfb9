/** Part one: every contender, all metrics, round by round. */
import { type Attempts, inTurn } from './attempt.ts';
import type { Contender } from './contender.ts';
import { type Durations, METRICS, measure, type Sample } from './measure.ts';
import { digits } from './statistics.ts';

export interface Comparison {
  rounds: number;
  durations: Durations;
  /** By contender, a sample a round; null where it failed. */
  samples: Record<string, (Sample | null)[]>;
}

export async function compare(
  contenders: readonly Contender[],
  rounds: number,
  durations: Durations,
  attempts: Attempts,
): Promise<Comparison> {
  const samples: Comparison['samples'] = Object.fromEntries(contenders.map(({ name }) => [name, []]));
  for (let round = 1; round <= rounds; round++)
    for (const contender of inTurn(contenders, round)) {
      const label = `round ${round}/${rounds}  ${contender.name}`;
      const sample = await attempts.measure(label, () => measure(contender, durations));
      samples[contender.name]!.push(sample);
      if (sample)
        console.log(
          label.padEnd(38),
          METRICS.map(({ key, unit }) => `${key} ${digits(sample[key])} ${unit}`).join('  '),
        );
    }
  return { rounds, durations, samples };
}
