/** Who did what to the network. A part of `Store`. */
export interface AuditStore {
  audit(row: AuditRow): Promise<void>;
  /** The newest rows first, those with an id below `before` if it is given. */
  listAudit(options: { limit: number; before?: number } & AuditFilter): Promise<AuditRecord[]>;
}

/** Who did it: `cli`, `node:ID`, `admin:NAME`, `system`; and from where. */
export interface AuditActor {
  actor: string;
  source: string;
}

export interface AuditRow extends AuditActor {
  at: number;
  /** `token.create`, `node.join`, … */
  action: string;
  target: string;
  result: 'ok' | 'refused' | 'failed';
  /** Never a secret. */
  detail: string;
  /** What was changed, as JSON values: before and after. Absent or null where there was nothing. Never a secret. */
  before?: unknown;
  after?: unknown;
}

export interface AuditRecord extends Required<AuditRow> {
  id: number;
}

/** Which rows of the audit log are wanted; what is absent does not matter. */
export interface AuditFilter {
  /** The whole of it, or its part before a colon: `cli`, `node`. */
  actor?: string | undefined;
  /** The whole of it, or its part before the dot: `token`. */
  action?: string | undefined;
  /** A part of it, in any case. */
  target?: string | undefined;
  result?: AuditRow['result'] | undefined;
  /** From this time on, and before that one. */
  since?: number | undefined;
  until?: number | undefined;
}
