import { readFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { WarrenError } from '../../shared/errors.ts';
import type { PolicyCheck } from '../network/policy/check.ts';
import type { Problem } from '../network/policy/document.ts';

/** The text of a policy file, `-` for standard input. Throws `not-found` when it cannot be read. */
export async function readPolicyFile(file: string): Promise<string> {
  try {
    const content = file === '-' ? await text(process.stdin) : readFileSync(file, 'utf8');
    return content.replace(/^\uFEFF/, '');
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new WarrenError('not-found', `the policy file ${file} cannot be read: ${code}`, { cause });
  }
}

/** Says on standard error what is odd and what is wrong; throws `corrupt` if anything is wrong. */
export function reportCheck(file: string, check: PolicyCheck): void {
  reportWarnings(file, check.warnings);
  const [first, ...more] = check.problems;
  if (first === undefined) return;
  const hint = 'nothing was changed';
  if (more.length === 0) throw new WarrenError('corrupt', placed(file, first), { hint });
  for (const problem of check.problems) process.stderr.write(`${placed(file, problem)}\n`);
  const count = `${file} has ${check.problems.length} mistakes, the first in line ${first.line}`;
  throw new WarrenError('corrupt', count, { hint });
}

export function reportWarnings(file: string, warnings: readonly Problem[]): void {
  for (const warning of warnings) {
    process.stderr.write(`${placed(file, { ...warning, message: `warning: ${warning.message}` })}\n`);
  }
}

function placed(file: string, { line, column, message }: Problem): string {
  return `${file}:${line}:${column}: ${message}`;
}
