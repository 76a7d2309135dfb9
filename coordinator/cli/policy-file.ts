import { readFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { errorForPrograms } from '../../shared/command-line.ts';
import { WarrenError } from '../../shared/errors.ts';
import { printJson } from '../../shared/print-json.ts';
import type { PolicyCheck } from '../network/policy/check.ts';
import type { Problem } from '../network/policy/document.ts';

/** The text of a policy file, `-` for standard input. Throws `not-found` when it cannot be read. */
export async function readPolicyFile(file: string): Promise<string> {
  try {
    const content = file === '-' ? await text(process.stdin) : readFileSync(file, 'utf8');
    return content.replace(/^\uFEFF/, '');
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new WarrenError('not-found', `the policy file ${file} cannot be read: ${code}`, {
      hint: 'give a file, or - for standard input',
      cause,
    });
  }
}

/** Says on standard error what is odd and what is wrong; throws `corrupt` if anything is wrong. */
export function reportCheck(file: string, check: PolicyCheck, json: boolean): void {
  const error = refusal(file, check);
  if (json) {
    if (error !== null) printJson({ error: errorForPrograms(error), ...checkForPrograms(check) });
  } else {
    reportWarnings(file, check.warnings);
    if (check.problems.length > 1)
      for (const problem of check.problems) process.stderr.write(`${placed(file, problem)}\n`);
  }
  if (error !== null) throw error;
}

export function reportWarnings(file: string, warnings: readonly Problem[]): void {
  for (const warning of warnings) {
    process.stderr.write(`${placed(file, { ...warning, message: `warning: ${warning.message}` })}\n`);
  }
}

/** What `--json` prints of a look at a document: mistakes with places and codes, and what came of each test. */
export function checkForPrograms({ results, ...check }: PolicyCheck) {
  return {
    ...check,
    testResults: results.map(({ test: { id, line, column, source }, failures }) => ({
      id,
      line,
      column,
      src: source.text,
      ok: failures.length === 0,
      failures,
    })),
  };
}

function refusal(file: string, { problems }: PolicyCheck): WarrenError | null {
  const [first] = problems;
  if (first === undefined) return null;
  const message =
    problems.length === 1
      ? placed(file, first)
      : `${file} has ${problems.length} mistakes, the first in line ${first.line}`;
  return new WarrenError('corrupt', message, { hint: 'nothing was changed' });
}

function placed(file: string, { line, column, message }: Problem): string {
  return `${file}:${line}:${column}: ${message}`;
}
