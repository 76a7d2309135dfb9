import { readFileSync } from 'node:fs';
import { Validator } from '@cfworker/json-schema';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parsePolicy } from '../../../../coordinator/network/policy/parse.ts';
import { runTests } from '../../../../coordinator/network/policy/run-tests.ts';
import { randomPolicy } from '../../../support/policies.ts';

const read = (path: string) => readFileSync(new URL(`../../../../docs/${path}`, import.meta.url), 'utf8');
const schema = JSON.parse(read('policy.schema.json'));
const validator = new Validator(schema, '2020-12');
const isValid = (document: unknown) => validator.validate(document).valid;
/** JSON without its comments and trailing commas. */
const plain = (text: string) => JSON.parse(text.replace(/\/\/.*$/gm, '').replace(/,(\s*[\]}])/g, '$1'));

describe('the published schema', () => {
  const example = /```jsonc\n([\s\S]*?)```/.exec(read('policy.md'))?.[1] as string;

  it('and the compiler take the example of the documentation, whose tests hold', () => {
    const { document, problems, warnings } = parsePolicy(example);
    expect([problems, warnings]).toEqual([[], []]);
    expect(runTests(document!, null)).toEqual([]);
    expect(isValid(plain(example))).toBe(true);
  });

  it('takes whatever the compiler takes', () => {
    fc.assert(
      fc.property(randomPolicy, (policy) => {
        expect(validator.validate(policy).errors).toEqual([]);
      }),
    );
  });

  it.each<[string, object]>([
    ['ssh', { acls: [], ssh: [{}] }],
    ['neither acls nor grants', {}],
    ['another action', { acls: [{ action: 'deny', src: ['*'], dst: ['*:*'] }] }],
    ['no ports', { acls: [{ action: 'accept', src: ['*'], dst: ['tag:web'] }] }],
    ['an unknown key', { acls: [{ action: 'accept', src: ['*'], dst: ['*:*'], note: 1 }] }],
    ['app capabilities', { grants: [{ src: ['*'], dst: ['*'], ip: ['*'], app: { x: [] } }] }],
    ['a role that there is not', { grants: [{ src: ['autogroup:it-admin'], dst: ['*'], ip: ['*'] }] }],
    ['a tag owner that nobody is', { acls: [], tagOwners: { 'tag:web': ['autogroup:network-admin'] } }],
    ['a group of another name', { acls: [], groups: { dev: [] } }],
    ['a user without @', { acls: [], groups: { 'group:dev': ['alice'] } }],
    ['a test of nothing', { acls: [], tests: [{ src: 'a@' }] }],
  ])('refuses %s as the compiler does', (_, document) => {
    expect(parsePolicy(JSON.stringify(document)).document).toBeNull();
    expect(isValid(document)).toBe(false);
  });
});
