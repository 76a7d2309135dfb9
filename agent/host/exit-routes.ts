import { existsSync } from 'node:fs';
import {
  EXIT_TABLE,
  exitRoutes,
  exitRules,
  RULE_PRIORITIES,
  type WantedExitRouting,
} from '../mesh/exit-routing.ts';
import { runCommand } from './run-command.ts';

type Family = 4 | 6;
const OURS = new Set<number>(Object.values(RULE_PRIORITIES));
/** As `ip -json rule` tells it. */
interface Rule {
  priority: number;
  protocol?: string;
}

/** Routing rules and routes that lead this host's Internet into the tunnel. */
export class ExitRoutes {
  /** What stands, as arguments in one string each, in the order in which it was set. */
  readonly #rules = new Map<Family, string[]>();
  readonly #routes = new Map<Family, string[]>();

  /** Doing it twice changes nothing the second time. Throws what the kernel refuses. */
  async apply(wanted: WantedExitRouting): Promise<void> {
    for (const family of families()) {
      // New rules before old ones go: there is no moment without.
      await this.#bring(family, this.#routes, exitRoutes(wanted, family), (args, add) =>
        add ? ['route', 'replace', ...args] : ['route', 'delete', ...args],
      );
      if ((await ourRules(family)).length !== (this.#rules.get(family)?.length ?? 0))
        await this.#forget(family);
      await this.#bring(family, this.#rules, exitRules(wanted, family), (args, add) => [
        'rule',
        add ? 'add' : 'delete',
        ...args,
      ]);
    }
  }

  /** Whether nobody took rules away, as networkd does when it starts. */
  async areWhole(): Promise<boolean> {
    for (const family of families())
      if ((await ourRules(family)).length !== (this.#rules.get(family)?.length ?? 0)) return false;
    return true;
  }

  /** Takes all of it away, also what a killed predecessor left. */
  async remove(): Promise<void> {
    for (const family of families()) {
      await this.#forget(family);
      // A table that was never used cannot be flushed.
      await runCommand('ip', [`-${family}`, 'route', 'flush', 'table', String(EXIT_TABLE)]).catch(() => {});
      this.#routes.delete(family);
    }
  }

  /** What somebody else took away is set anew as a whole. */
  async #forget(family: Family): Promise<void> {
    // The one that leads into the table first: the others make it right.
    const there = (await ourRules(family)).sort(
      (a, b) => Number(b === RULE_PRIORITIES.exit) - Number(a === RULE_PRIORITIES.exit),
    );
    for (const priority of there) {
      await runCommand('ip', [
        `-${family}`,
        'rule',
        'delete',
        'priority',
        String(priority),
        'protocol',
        '87',
      ]);
    }
    this.#rules.delete(family);
  }

  async #bring(
    family: Family,
    known: Map<Family, string[]>,
    wanted: readonly string[][],
    command: (args: string[], add: boolean) => string[],
  ): Promise<void> {
    const before = known.get(family) ?? [];
    const after = wanted.map((args) => args.join(' '));
    const now = [...before];
    const change = async (text: string, add: boolean) => {
      await runCommand('ip', [`-${family}`, ...command(text.split(' '), add)]);
      if (add) now.push(text);
      else now.splice(now.indexOf(text), 1);
      known.set(family, [...now]);
    };
    for (const text of after) if (!before.includes(text)) await change(text, true);
    for (const text of before) if (!after.includes(text)) await change(text, false);
  }
}

function families(): Family[] {
  return existsSync('/proc/net/if_inet6') ? [4, 6] : [4];
}

async function ourRules(family: Family): Promise<number[]> {
  const rules = JSON.parse(await runCommand('ip', [`-${family}`, '-json', 'rule', 'show'])) as Rule[];
  return rules
    .filter(({ priority, protocol }) => OURS.has(priority) && protocol === '87')
    .map(({ priority }) => priority);
}
