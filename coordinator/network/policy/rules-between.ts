import { type Prefix, parsePrefix } from '../../../shared/prefix.ts';
import type { PolicyDocument } from './document.ts';
import { servicesText } from './explain.ts';
import { internet } from './internet.ts';
import type { PolicyNetwork, PolicyNode } from './node-state.ts';
import { type Party, ruleJoins } from './party.ts';

/** A rule that lets one of two machines reach the other. */
export interface RuleBetween {
  readonly id: string;
  readonly line: number;
  /** Whether it is from the first to the second. */
  readonly isForward: boolean;
  /** `tcp 22, icmp`, `everything`. */
  readonly services: string;
}

/** All rules by which one of two machines may reach the other itself, whatever the ports. */
export function rulesBetween(
  document: PolicyDocument,
  network: PolicyNetwork,
  one: PolicyNode,
  other: PolicyNode,
): RuleBetween[] {
  const overlay = [network.prefix4, network.prefix6].map((text) => parsePrefix(text) as Prefix);
  const outside = internet(overlay);
  const [first, second] = [partyOf(one), partyOf(other)];
  return document.rules.flatMap((rule) => {
    const { id, line } = rule;
    const services = servicesText(rule.services);
    return [
      ...(ruleJoins(rule, first, second, outside) ? [{ id, line, isForward: true, services }] : []),
      ...(ruleJoins(rule, second, first, outside) ? [{ id, line, isForward: false, services }] : []),
    ];
  });
}

function partyOf(node: PolicyNode): Party {
  const prefixes = [node.address4, node.address6].flatMap((address) => parsePrefix(address) ?? []);
  return { prefixes, machine: node };
}
