/** Of accounts: an auditor reads, an admin changes the network, an owner decides who may as well. */
export const ROLES = ['owner', 'admin', 'auditor'] as const;
export type Role = (typeof ROLES)[number];
