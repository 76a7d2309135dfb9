import { formatIp } from '../../shared/ip.ts';
import { addressClasses } from './address-classes.ts';
import { ruleCounter } from './firewall-counters.ts';
import { type Family, oneOf, range } from './nft-words.ts';
import { accepted, type PlacedRule, ruleLines, type Way } from './rule-lines.ts';
import { serviceOwners } from './service-owners.ts';

/**
 * So many lines are read about as quickly as lookups are made, and people read them better (`nft list table`). Beyond that, what a
 * packet costs must not grow with the rules that its sender has.
 */
const FEW = 8;

/** Gives the name of a chain with these lines, which comes to no verdict of what they do not accept. */
export type ChainOf = (lines: readonly string[]) => string;

/**
 * The lines that accept what these rules let through, asked in their order: a line for each service where those are few, else
 * lookups by destination, protocol and port, whatever the number of rules. The first rule that lets a packet in counts it either way.
 *
 * What counts is a map to counters (nft 0.8, Linux 4.10), which passes on what it does not hold. A map to verdicts would need a chain for
 * every rule, and each way from a source to one is followed when the kernel loads the table.
 */
export function linesOf(rules: readonly PlacedRule[], way: Way, family: Family, chainOf: ChainOf): string[] {
  const plain = ruleLines(rules, way, family);
  if (plain.length <= FEW) return plain;
  const places = placesOf(rules, way, family);
  const to = `${family.ip} ${way.address}`;
  if (places.reduce((count, { lines }) => count + lines.length, 0) <= FEW)
    return places.flatMap(({ addresses, lines }) => lines.map((line) => `${to} ${oneOf(addresses)} ${line}`));
  const verdicts = places.flatMap(({ addresses, lines }) => {
    const verdict = lines.join() === 'accept' ? 'accept' : `jump ${chainOf(lines)}`;
    return addresses.map((address) => `${address} : ${verdict}`);
  });
  return [`${to} vmap ${setOf(verdicts)}`];
}

/** Destinations of which the same is let through, in disjoint ranges, and the lines that do it. */
function placesOf(
  rules: readonly PlacedRule[],
  way: Way,
  { family }: Family,
): { addresses: string[]; lines: string[] }[] {
  const places = new Map<string, { addresses: string[]; lines: string[] }>();
  const classes = addressClasses(
    rules.map(({ rule }) => rule.destinations),
    family,
  );
  for (const { from, to, rules: asked } of classes) {
    const lines = serviceLines(
      asked.map((index) => rules[index] as PlacedRule),
      way,
    );
    const address = range(formatIp(from), formatIp(to));
    const same = places.get(lines.join('\n'));
    if (same === undefined) places.set(lines.join('\n'), { addresses: [address], lines });
    else same.addresses.push(address);
  }
  return [...places.values()];
}

/** What rules let through to where all of them lead. */
function serviceLines(rules: readonly PlacedRule[], way: Way): string[] {
  const { ports, protocols, rest } = serviceOwners(
    // Where nobody counts they are like one.
    rules.map(({ position, rule }) => ({ owner: way.counts ? position : 0, services: rule.services })),
  );
  return [
    ...ports.map(
      ({ protocols, ranges }) =>
        `meta l4proto ${oneOf(protocols)} ${lookup(
          `th ${way.port}`,
          ranges.map(({ first, last, owner }) => ({ key: range(first, last), owner })),
          way,
        )}`,
    ),
    ...(protocols.length === 0
      ? []
      : [
          lookup(
            'meta l4proto',
            protocols.map(({ protocol, owner }) => ({ key: String(protocol), owner })),
            way,
          ),
        ]),
    ...(rest === null ? [] : [accepted(rest, way)]),
  ];
}

/** One line that accepts what has one of these keys in this field, for whose they are. */
function lookup(field: string, items: readonly { key: string; owner: number }[], way: Way): string {
  const { owner } = items[0] as { owner: number };
  if (items.every((item) => item.owner === owner))
    return `${field} ${oneOf(items.map(({ key }) => key))} ${accepted(owner, way)}`;
  const counters = items.map((item) => `${item.key} : "${ruleCounter(item.owner)}"`);
  return `counter name ${field} map ${setOf(counters)} accept`;
}

function setOf(elements: readonly string[]): string {
  return `{ ${elements.join(', ')} }`;
}
