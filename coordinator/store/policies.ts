import type { Selectable } from 'kysely';
import { WarrenError } from '../../shared/errors.ts';
import { grantedRoutes, isExitNode } from '../network/grants.ts';
import { autoApprovedRoutes, autoApprovesExitNode } from '../network/policy/auto-approve.ts';
import type { PolicyDocument, Problem } from '../network/policy/document.ts';
import { parsePolicy } from '../network/policy/parse.ts';
import { policyNode } from '../network/policy/policy-node.ts';
import { runTests } from '../network/policy/run-tests.ts';
import type { Access } from './access.ts';
import { listUsers } from './accounts/users.ts';
import type { Decision } from './administration.ts';
import type { Change } from './change.ts';
import type { AuditRow } from './contract/audit.ts';
import type { NodeRecord } from './contract/nodes.ts';
import type { PolicyRecord, PolicyStore } from './contract/policies.ts';
import { listNodes } from './nodes.ts';
import { routeDetail, tellOfOverlaps } from './overlaps.ts';
import { toJson } from './rows.ts';
import type { Database, PolicyTable } from './schema.ts';

/** Policies, over either engine. */
export function sqlPolicies({ read, change }: Access): PolicyStore {
  /** A refusal undoes the transaction, and the audit log has it all the same. */
  const audited = async <T>(
    row: Omit<AuditRow, 'result' | 'detail'>,
    body: (change: Change) => Promise<T>,
  ): Promise<T> => {
    try {
      return await change(body);
    } catch (error) {
      if (error instanceof WarrenError && error.code === 'corrupt') {
        await change((within) => within.audit({ ...row, result: 'refused', detail: error.message }));
      }
      throw error;
    }
  };
  return {
    applyPolicy(document, now, by, check) {
      const row = { ...by, at: now, action: 'policy.apply', target: '' };
      return audited(row, (within) => applyPolicy(within, document, { ...by, now }, check));
    },
    restorePolicy(version, now, by) {
      const row = { ...by, at: now, action: 'policy.restore', target: `version ${version}` };
      return audited(row, (within) => restorePolicy(within, version, { ...by, now }));
    },
    policy: (version) =>
      read((db) => (version === undefined ? currentPolicy(db) : policyNumbered(db, version))),
    listPolicies: () => read(listPolicies),
  };
}

/** The policy that counts, or null while there is none. */
export async function currentPolicy(db: Database): Promise<PolicyRecord | null> {
  const row = await db
    .selectFrom('policies')
    .selectAll()
    .orderBy('number', 'desc')
    .limit(1)
    .executeTakeFirst();
  return row === undefined ? null : policyFromRow(row);
}

async function policyNumbered(db: Database, number: number): Promise<PolicyRecord | null> {
  const row = await db.selectFrom('policies').selectAll().where('number', '=', number).executeTakeFirst();
  return row === undefined ? null : policyFromRow(row);
}

/** All of them, the newest first. */
async function listPolicies(db: Database): Promise<PolicyRecord[]> {
  const rows = await db.selectFrom('policies').selectAll().orderBy('number', 'desc').execute();
  return rows.map(policyFromRow);
}

/**
 * Makes a document the network's policy. One with a mistake, or whose tests fail on the network as it is, is refused whole:
 * throws `corrupt`. The same text as now is no new version.
 */
async function applyPolicy(
  change: Change,
  text: string,
  by: Decision,
  check: (current: PolicyRecord | null) => void = () => {},
): Promise<PolicyRecord> {
  check(await currentPolicy(change.tx));
  return put(change, text, null, by);
}

/** Makes an earlier policy the one that counts, as a new version. Throws `not-found`, or what `applyPolicy` throws. */
async function restorePolicy(change: Change, number: number, by: Decision): Promise<PolicyRecord> {
  const earlier = await policyNumbered(change.tx, number);
  if (earlier === null) {
    throw new WarrenError('not-found', `there is no version ${number} of the policy`, {
      hint: '`coordinator policy versions` lists those there are',
    });
  }
  return put(change, earlier.document, number, by);
}

async function put(
  change: Change,
  text: string,
  restoredFrom: number | null,
  by: Decision,
): Promise<PolicyRecord> {
  const before = await currentPolicy(change.tx);
  const document = checked(text);
  const nodes = await listNodes(change.tx);
  const failures = runTests(document, {
    network: change.ranges(),
    nodes: nodes.map(policyNode),
    users: await listUsers(change.tx),
  });
  if (failures.length > 0) throw refused(failures);
  if (before?.document === text) return before;
  const record: PolicyRecord = {
    version: (before?.version ?? 0) + 1,
    document: text,
    createdAt: by.now,
    actor: by.actor,
    source: by.source,
    restoredFrom,
  };
  await change.tx
    .insertInto('policies')
    .values({
      number: record.version,
      document: text,
      created_at: by.now,
      actor: by.actor,
      source: by.source,
      restored_from: restoredFrom,
    })
    .execute();
  change.policyChanged();
  const { rules, tests } = document;
  await change.audit({
    at: by.now,
    actor: by.actor,
    source: by.source,
    action: restoredFrom === null ? 'policy.apply' : 'policy.restore',
    target: `version ${record.version}`,
    result: 'ok',
    detail: `${restoredFrom === null ? '' : `of version ${restoredFrom}, `}${rules.length} rules, ${tests.length} tests`,
    // The documents themselves are kept by their versions.
    before: before === null ? null : { version: before.version },
    after: { version: record.version },
  });
  await approveAnew(change, before, document, nodes, by.now);
  return record;
}

/** Approves what a policy approves that the one before did not: what an administrator took back stays taken back. */
async function approveAnew(
  change: Change,
  before: PolicyRecord | null,
  document: PolicyDocument,
  nodes: readonly NodeRecord[],
  now: number,
): Promise<void> {
  const earlier = before === null ? null : parsePolicy(before.document).document;
  for (const node of nodes) {
    const known = earlier === null ? [] : autoApprovedRoutes(earlier, node, node.offers.routes);
    const isExitKnown = earlier !== null && autoApprovesExitNode(earlier, node);
    const offers = {
      routes: node.offers.routes.filter((route) => !known.includes(route)),
      exitNode: node.offers.exitNode && !isExitKnown,
    };
    await approve(change, document, node, offers, now);
  }
}

/** Approves what a node offers for the first time, as far as the policy says so. To be called when the offers are stored. */
export async function approveOffers(
  change: Change,
  node: NodeRecord,
  before: { routes: readonly string[]; exitNode: boolean },
  now: number,
): Promise<void> {
  const routes = node.offers.routes.filter((route) => !before.routes.includes(route));
  const exitNode = node.offers.exitNode && !before.exitNode;
  if (routes.length === 0 && !exitNode) return;
  const policy = await currentPolicy(change.tx);
  const document = policy === null ? null : parsePolicy(policy.document).document;
  if (document !== null) await approve(change, document, node, { routes, exitNode }, now);
}

async function approve(
  change: Change,
  document: PolicyDocument,
  node: NodeRecord,
  offers: { routes: readonly string[]; exitNode: boolean },
  now: number,
): Promise<void> {
  const routes = autoApprovedRoutes(document, node, offers.routes).filter(
    (route) => !node.approvedRoutes.includes(route),
  );
  const exitNode = offers.exitNode && !node.exitNodeApproved && autoApprovesExitNode(document, node);
  if (routes.length === 0 && !exitNode) return;
  const approvedRoutes = [...node.approvedRoutes, ...routes].sort();
  const after = { ...node, approvedRoutes, exitNodeApproved: node.exitNodeApproved || exitNode };
  const isSeen =
    grantedRoutes(after).length !== grantedRoutes(node).length || isExitNode(after) !== isExitNode(node);
  await change.tx
    .updateTable('nodes')
    .set({
      approved_routes: toJson(approvedRoutes),
      exit_node_approved: Number(after.exitNodeApproved),
      ...(isSeen ? { version: change.version() } : {}),
    })
    .where('id', '=', node.id)
    .execute();
  const overlaps = await tellOfOverlaps(change, node, after);
  const routeValues = { before: { approvedRoutes: node.approvedRoutes }, after: { approvedRoutes } };
  const exitValues = { before: { exitNodeApproved: false }, after: { exitNodeApproved: true } };
  const actions = [
    ...routes.map(
      (route) => ['route.approve', routeDetail(route, overlaps.get(route)), routeValues] as const,
    ),
    ...(exitNode ? [['exit-node.approve', '', exitValues] as const] : []),
  ];
  for (const [action, detail, values] of actions) {
    await change.audit({
      at: now,
      actor: 'policy',
      source: '',
      action,
      target: `${node.name} (${node.id})`,
      result: 'ok',
      detail,
      ...values,
    });
  }
}

function checked(text: string): PolicyDocument {
  const { document, problems } = parsePolicy(text);
  if (document === null) throw refused(problems);
  return document;
}

function refused(problems: readonly Problem[]): WarrenError {
  const [first] = problems;
  const more = problems.length > 1 ? ` (and ${problems.length - 1} more)` : '';
  return new WarrenError(
    'corrupt',
    `the policy is refused, and nothing was changed: ${first?.line}:${first?.column}: ${first?.message}${more}`,
    { hint: '`coordinator policy check` tells all that is wrong' },
  );
}

function policyFromRow(row: Selectable<PolicyTable>): PolicyRecord {
  return {
    version: row.number,
    document: row.document,
    createdAt: row.created_at,
    actor: row.actor,
    source: row.source,
    restoredFrom: row.restored_from,
  };
}
