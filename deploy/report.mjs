// SPDX-License-Identifier: Apache-2.0
// Counts what passed, failed and was skipped, tells each as it happens, and ends with the plain count.
// Flaky is what failed and passed when its file ran again: it is told, named in the last lines, and fails nothing.
import { relative } from 'node:path';
import { inspect } from 'node:util';

const counts = { passed: 0, failed: 0, skipped: 0, flaky: 0 };
/** What failed, by its name and, of tests, the path of its file. */
const failures = [];
const flaky = [];
/** Path of a test file -> tests that failed there: title, how deep, whether by themselves or only through their subtests. */
const failedFiles = new Map();

export function passed(name) {
  counts.passed++;
  console.log(`ok       ${name}`);
}

export function skipped(name, reason) {
  counts.skipped++;
  console.log(`skipped  ${name}: ${reason}`);
}

export function failed(name, reason, path) {
  counts.failed++;
  failures.push({ name, path });
  console.log(`FAILED   ${name}\n${reason.replace(/^/gm, '    ')}`);
}

/** Takes the events of node's test runner for one test file. */
export function record(path, { type, data }) {
  if (type === 'test:pass' || type === 'test:fail') recordTest(path, type === 'test:pass', data);
  else if (type === 'test:diagnostic' && data.file) console.log(`    | ${data.message}`);
  else if (type === 'test:stdout' || type === 'test:stderr')
    console.log(data.message.trimEnd().replace(/^/gm, '    | '));
}

/** Suites, and parents that fail through a child, are no tests of their own. */
function recordTest(path, ok, { name: title, nesting, skip, todo, details }) {
  const isOwn = details.error?.failureType !== 'subtestsFailed';
  if (!ok) failedFiles.set(path, [...(failedFiles.get(path) ?? []), { title, nesting, isOwn }]);
  const isFile = relative('', title) === path;
  const name = isFile ? path : `${path}: ${title}`;
  if (isReason(skip)) skipped(name, skip || 'no reason given');
  else if (isReason(todo)) skipped(name, `todo: ${todo}`);
  else if (!ok && !isOwn) return;
  else if (!ok) failed(name, inspect(details.error?.cause ?? details.error, { depth: 4 }), path);
  // Node reports a file by its name only when it failed or held nothing.
  else if (isFile) failed(name, 'the file holds no test', path);
  else if (details.type !== 'suite') passed(`${name} (${Math.round(details.duration_ms)} ms)`);
}

function isReason(value) {
  return value !== undefined && value !== false;
}

/** The files in which tests failed, if that is all that failed. */
export function filesToTryAgain() {
  return failures.every(({ path }) => path !== undefined) ? [...failedFiles] : [];
}

/** All that failed in the file passed when it ran again. */
export function forgive(path) {
  const isTheirs = (failure) => failure.path === path;
  flaky.push(...failures.filter(isTheirs));
  failures.splice(0, failures.length, ...failures.filter((failure) => !isTheirs(failure)));
  counts.failed = failures.length;
  counts.flaky = flaky.length;
}

/** The last line, and the exit code. */
export function finish() {
  for (const { name } of flaky)
    console.log(`flaky, failed once and passed when its file ran again, see above: ${name}`);
  for (const { name } of failures) console.log(`failed: ${name}`);
  const rest = ['flaky', 'skipped'].filter((kind) => counts[kind] > 0).map((kind) => `, ${counts[kind]} ${kind}`);
  console.log(`${counts.passed} passed, ${counts.failed} failed${rest.join('')}`);
  process.exitCode = counts.failed === 0 && counts.passed > 0 ? 0 : 1;
}
