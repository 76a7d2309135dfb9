import { parsePrefix, prefixContains } from '../../../shared/prefix.ts';
import type { PolicyDocument, Selector } from './document.ts';
import { identifies } from './party.ts';
import type { Identified } from './rule-index.ts';

/** Of the routes that a node offers, those that the policy approves by itself: all that lie within one it names. */
export function autoApprovedRoutes(
  document: PolicyDocument,
  node: Identified,
  routes: readonly string[],
): string[] {
  return routes.filter((text) => {
    const route = parsePrefix(text);
    return document.autoApprovers.routes.some(
      ({ prefix, approvers }) =>
        route !== null &&
        prefix.length <= route.length &&
        prefixContains(prefix, route.bytes) &&
        isAmong(approvers, node),
    );
  });
}

export function autoApprovesExitNode(document: PolicyDocument, node: Identified): boolean {
  return isAmong(document.autoApprovers.exitNode, node);
}

function isAmong(approvers: readonly Selector[], node: Identified): boolean {
  return approvers.some((selector) => identifies(selector, node));
}
