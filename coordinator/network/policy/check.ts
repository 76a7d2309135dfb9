import type { Problem } from './document.ts';
import { parsePolicy } from './parse.ts';
import { runTests, type TestGround } from './run-tests.ts';

/** What a look at a document says. */
export interface PolicyCheck {
  readonly ok: boolean;
  readonly rules: number;
  readonly tests: number;
  /** All mistakes, and tests that fail, in the order of the text. */
  readonly problems: readonly Problem[];
  readonly warnings: readonly Problem[];
}

/** Reads a document and runs its tests, against the nodes if they are known. */
export function checkPolicy(document: string, ground: TestGround | null): PolicyCheck {
  const parsed = parsePolicy(document);
  const problems = parsed.document === null ? parsed.problems : runTests(parsed.document, ground);
  return {
    ok: problems.length === 0,
    rules: new Set(parsed.document?.rules.map(({ id }) => id)).size,
    tests: parsed.document?.tests.length ?? 0,
    problems,
    warnings: parsed.warnings,
  };
}
