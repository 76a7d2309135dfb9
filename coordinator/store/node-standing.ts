import type { Decision } from './administration.ts';
import { record, renameNode, setKeyExpiry, setTags, update } from './administration.ts';
import type { Change } from './change.ts';
import type { NodePatch, NodeRecord } from './contract/nodes.ts';
import { requireNode } from './nodes.ts';

/** Several changes of one node, all of them or none. */
export async function changeNode(
  change: Change,
  nodeId: string,
  patch: NodePatch,
  by: Decision,
  check: (node: NodeRecord) => void = () => {},
): Promise<NodeRecord> {
  check(await requireNode(change.tx, nodeId));
  if (patch.name !== undefined) await renameNode(change, nodeId, patch.name, by);
  if (patch.tags !== undefined) await setTags(change, nodeId, patch.tags, by);
  if (patch.keyExpiresAt !== undefined) await setKeyExpiry(change, nodeId, patch.keyExpiresAt, by);
  if (patch.approved !== undefined) await setApproved(change, nodeId, patch.approved, by);
  if (patch.disabled !== undefined) await setDisabled(change, nodeId, patch.disabled, by);
  return requireNode(change.tx, nodeId);
}

/** Lets a node in that waits, or has it wait again. */
async function setApproved(change: Change, nodeId: string, approved: boolean, by: Decision): Promise<void> {
  const node = await requireNode(change.tx, nodeId);
  if (node.approved === approved) return;
  // What it may see is another as a whole: a difference is not enough.
  await update(change, node, true, { approved: Number(approved), view_version: change.version() });
  await record(change, by, approved ? 'node.approve' : 'node.unapprove', node, '', {
    before: { approved: node.approved },
    after: { approved },
  });
}

/** Shuts a node out for now, or lets it back in. */
async function setDisabled(change: Change, nodeId: string, disabled: boolean, by: Decision): Promise<void> {
  const node = await requireNode(change.tx, nodeId);
  if (node.disabled === disabled) return;
  await update(change, node, true, { disabled: Number(disabled), view_version: change.version() });
  await record(change, by, disabled ? 'node.disable' : 'node.enable', node, '', {
    before: { disabled: node.disabled },
    after: { disabled },
  });
}
