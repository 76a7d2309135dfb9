import type { Problem } from './document.ts';
import { parsePolicy } from './parse.ts';
import { type TestGround, type TestResult, testResults } from './run-tests.ts';

/** What a look at a document says. */
export interface PolicyCheck {
  readonly ok: boolean;
  readonly rules: number;
  readonly tests: number;
  /** All mistakes, and tests that fail, in the order of the text. */
  readonly problems: readonly Problem[];
  readonly warnings: readonly Problem[];
  /** Of every test; none while there are mistakes. */
  readonly results: readonly TestResult[];
}

/** Reads a document and runs its tests, against the nodes if they are known. */
export function checkPolicy(document: string, ground: TestGround | null): PolicyCheck {
  const parsed = parsePolicy(document);
  const results = parsed.document === null ? [] : testResults(parsed.document, ground);
  const problems = parsed.document === null ? parsed.problems : results.flatMap(({ failures }) => failures);
  return {
    ok: problems.length === 0,
    rules: new Set(parsed.document?.rules.map(({ id }) => id)).size,
    tests: parsed.document?.tests.length ?? 0,
    problems,
    warnings: parsed.warnings,
    results,
  };
}
