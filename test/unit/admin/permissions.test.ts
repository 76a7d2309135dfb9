import { describe, expect, it } from 'vitest';
import type { Actor, Role } from '../../../coordinator/admin/actor.ts';
import { areaOf, mayRequest } from '../../../coordinator/admin/permissions.ts';

const ADA = { actor: 'admin:ada', source: '', userId: 'u1', userName: 'ada' };
const person = (role: Role): Actor => ({ ...ADA, role, apiKeyId: null, scopes: [] });
const key = (...scopes: string[]): Actor => ({ ...ADA, role: 'owner', apiKeyId: 'k1', scopes });

describe('the table of permissions', () => {
  it.each([
    ['auditor', 'GET', '/api/v1/machines', true],
    ['auditor', 'DELETE', '/api/v1/machines/n1', false],
    ['auditor', 'POST', '/api/v1/policy/explain', true],
    ['auditor', 'PUT', '/api/v1/policy', false],
    ['auditor', 'GET', '/api/v1/users', false],
    ['auditor', 'GET', '/machines', true],
    ['admin', 'DELETE', '/api/v1/machines/n1', true],
    ['admin', 'POST', '/api/v1/users', false],
    ['admin', 'GET', '/users', false],
    ['owner', 'POST', '/api/v1/users', true],
    ['owner', 'GET', '/api/v1/nothing-like-it', false],
    ['owner', 'GET', '/api/v1/machinesque', false],
  ] as const)('SEC-58: a person who is %s may %s %s: %j', (role, method, path, allowed) => {
    expect(mayRequest(person(role), method, path)).toBe(allowed);
  });

  it.each([
    [['machines:read'], 'GET', '/api/v1/machines', true],
    [['machines:read'], 'PATCH', '/api/v1/machines/n1', false],
    [['machines:write'], 'GET', '/api/v1/machines', true],
    [['machines:write'], 'PATCH', '/api/v1/machines/n1', true],
    [['machines:write'], 'GET', '/api/v1/audit', false],
    [['*'], 'DELETE', '/api/v1/relays/r1', true],
    [['*'], 'GET', '/api/v1/users', true],
    [['*'], 'POST', '/api/v1/users', false],
    [['users:read', 'users:write'], 'POST', '/api/v1/users/u2/link', false],
  ] as const)('SEC-58: a key with %j may %s %s: %j', (scopes, method, path, allowed) => {
    expect(mayRequest(key(...scopes), method, path)).toBe(allowed);
  });

  it('the longest path counts', () => {
    expect(areaOf('/api/v1/policy/check')?.path).toBe('/api/v1/policy/check');
    expect(areaOf('/api/v1/policy/versions')?.path).toBe('/api/v1/policy');
    expect(areaOf('/')?.path).toBe('/');
  });
});
