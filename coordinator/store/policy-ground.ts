import { policyNode } from '../network/policy/policy-node.ts';
import type { TestGround } from '../network/policy/run-tests.ts';
import type { Store } from './store.ts';

/** What tests of a policy are run on: the network as it is. */
export async function policyGround(store: Store): Promise<TestGround> {
  const [{ network, nodes }, users] = await Promise.all([store.snapshot(), store.accounts.listUsers()]);
  return { network, nodes: nodes.map(policyNode), users };
}
