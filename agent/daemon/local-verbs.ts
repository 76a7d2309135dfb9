import type { ExitKeeper } from '../exit-keeper.ts';
import type { Firewall } from '../host/firewall.ts';
import type { LocalAnswers } from '../local-answers.ts';
import type { Handlers } from '../local-api/server.ts';

export interface VerbSources {
  answers: LocalAnswers;
  exit: ExitKeeper;
  firewall: Firewall;
  /** Leaves the network and ends. */
  leave: (force: boolean) => Promise<{ told: boolean }>;
}

/** What the verbs of the command line may ask of a running agent. */
export function localVerbs({ answers, exit, firewall, leave }: VerbSources): Handlers {
  return {
    status: () => answers.status(),
    ping: (args) => answers.ping(args),
    flows: () => answers.flows(),
    metrics: () => answers.metrics(),
    'exit-nodes': async () => exit.status(),
    'use-exit-node': (args) => exit.use(args),
    'leave-exit-node': () => exit.off(),
    rules: () => firewall.status(),
    leave: (args) => leave((args as { force?: boolean } | null)?.force === true),
  };
}
