// `npm test`: sets up, runs every kind of test under Node.js 24, and ends with `N passed, N failed, N skipped`.
// Arguments go to vitest: `npm test -- --project unit`, `npm test -- test/unit/shared`.
// Runs on whatever Node.js the machine has, from 14 on.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { leftovers } from './leftovers.mjs';
import { ROOT, SetupError, setUp } from './setup.mjs';

const say = (text) => process.stdout.write(`${text}\n`);

/** The last line, and the exit status that goes with it. */
function end(passed, failed, skipped) {
  say(`${passed} passed, ${failed} failed${skipped ? `, ${skipped} skipped` : ''}`);
  process.exit(failed === 0 && passed > 0 ? 0 : 1);
}

/** Passed and failed tests of vitest's JSON report; a file that failed without a failing test of its own counts as one. */
function count(report) {
  const tests = report.testResults.flatMap((file) => file.assertionResults);
  const brokenFiles = report.testResults.filter(
    (file) => file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed'),
  );
  for (const file of brokenFiles) say(`failed outside its tests: ${file.name}\n  ${file.message || ''}`);
  return {
    passed: tests.filter((test) => test.status === 'passed').length,
    failed: tests.filter((test) => test.status === 'failed').length + brokenFiles.length,
    skipped: tests.filter((test) => test.status !== 'passed' && test.status !== 'failed'),
  };
}

/** Says for every reason how many tests it left out. */
function sayWhatWasLeftOut(skipped) {
  const byReason = new Map();
  for (const test of skipped) {
    const match = /\[left out: (.*?)\]/.exec(test.fullName);
    const reason = match ? match[1] : 'not wanted in this run';
    const suites = byReason.get(reason) || new Map();
    const suite = test.ancestorTitles[0] || test.title;
    suites.set(suite, (suites.get(suite) || 0) + 1);
    byReason.set(reason, suites);
  }
  for (const [reason, suites] of byReason) {
    const names = [...suites].map(([suite, n]) => `${suite.replace(/ \[left out:.*\]/, '')} (${n})`);
    say(`left out, ${reason}: ${names.join(', ')}`);
  }
}

/** What was left behind, after a moment of grace for what is just ending. */
function leftBehind(before, mark) {
  for (let tries = 0; ; tries++) {
    const left = leftovers(mark).filter((thing) => !before.includes(thing));
    if (left.length === 0 || tries === 10) return left;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300);
  }
}

try {
  setUp('test');
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  say(`set-up: ${error.message}`);
  end(0, 1, 0);
}

const folder = mkdtempSync(join(tmpdir(), 'warren-test-run-'));
const reportFile = join(folder, 'report.json');
const mark = `${process.pid}-${Date.now()}`;
const before = leftovers(mark);
const vitest = spawnSync(
  join(ROOT, 'bin/warren-node'),
  [
    join(ROOT, 'node_modules/vitest/vitest.mjs'),
    'run',
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${reportFile}`,
    ...process.argv.slice(2),
  ],
  { cwd: ROOT, stdio: ['ignore', 'inherit', 'inherit'], env: { ...process.env, WARREN_TEST_RUN: mark } },
);

let report;
try {
  report = JSON.parse(readFileSync(reportFile, 'utf8'));
} catch {
  say(
    `vitest made no report (${vitest.error ? vitest.error.message : `status ${vitest.status}, ${vitest.signal}`})`,
  );
} finally {
  rmSync(folder, { recursive: true, force: true });
}
if (!report) end(0, 1, 0);

const { passed, failed, skipped } = count(report);
sayWhatWasLeftOut(skipped);
const left = leftBehind(before, mark);
for (const thing of left) say(`left behind by a test: ${thing}`);
// Errors outside any test (an unhandled rejection) fail the run in vitest's status alone.
const unaccounted = vitest.status !== 0 && failed === 0 ? 1 : 0;
if (unaccounted)
  say(`vitest ended with status ${vitest.status} although no test failed: see its errors above`);
end(passed, failed + unaccounted + (left.length > 0 ? 1 : 0), skipped.length);
