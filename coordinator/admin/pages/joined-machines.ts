import type { AuditRow } from '../../store/contract/audit.ts';

/** A machine that joined with a token. */
export interface Joined {
  nodeId: string;
  /** Its name then. */
  name: string;
  at: number;
}

/** Who joined with which token, by the token's id, as entries `node.join` of the audit log tell; the latest first. */
export function joinedMachines(
  entries: readonly Pick<AuditRow, 'action' | 'result' | 'target' | 'detail' | 'at'>[],
): Map<string, Joined[]> {
  const byToken = new Map<string, Joined[]>();
  for (const { action, result, target, detail, at } of entries) {
    if (action !== 'node.join' || result !== 'ok') continue;
    const token = /^(?:new|again), token ([0-9a-f]+)(?:,|$)/.exec(detail)?.[1];
    const node = /^(\S+) \(([0-9a-f]+)\)$/.exec(target);
    if (token === undefined || node === null) continue;
    const joined = { name: node[1] as string, nodeId: node[2] as string, at };
    byToken.set(token, [...(byToken.get(token) ?? []), joined]);
  }
  return byToken;
}
