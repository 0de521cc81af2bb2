// SPDX-License-Identifier: Apache-2.0
// Counts what passed, failed and was skipped, prints each result as it happens, and ends with the plain count.
import { relative } from 'node:path';
import { inspect } from 'node:util';

const counts = { passed: 0, failed: 0, skipped: 0 };
/** The names of failed tests and steps, each with its reason. */
const failures = [];
/** The end repeats so many lines of so many reasons: often the end is all that somebody keeps of a run. */
const REPEATED = { reasons: 10, lines: 6, columns: 240 };
/** What files and parts of the run took. */
const times = [];
/** The longest of them are told at the end. */
const LONGEST = { most: 20, seconds: 10 };

export function passed(name) {
  counts.passed++;
  console.log(`ok       ${name}`);
}

export function skipped(name, reason) {
  counts.skipped++;
  console.log(`skipped  ${name}: ${reason}`);
}

export function failed(name, reason) {
  counts.failed++;
  failures.push({ name, reason });
  console.log(`FAILED   ${name}\n${reason.replace(/^/gm, '    ')}`);
}

/** Takes the events of node's test runner for one test file, of which `place` was run. */
export function record(path, { type, data }, place = path) {
  if (type === 'test:pass' || type === 'test:fail') recordTest(path, place, type === 'test:pass', data);
  else if (type === 'test:diagnostic' && data.file) console.log(`    | ${data.message}`);
  else if (type === 'test:stdout' || type === 'test:stderr')
    console.log(data.message.trimEnd().replace(/^/gm, '    | '));
}

/** Suites, and parents that fail through a child, are no tests of their own. */
function recordTest(path, place, ok, { name: title, skip, todo, details }) {
  const isOwn = details.error?.failureType !== 'subtestsFailed';
  const isFile = relative('', title) === place;
  const name = isFile ? path : `${path}: ${title}`;
  if (isReason(skip)) skipped(name, skip || 'no reason given');
  else if (isReason(todo)) skipped(name, `todo: ${todo}`);
  else if (!ok && !isOwn) return;
  else if (!ok) failed(name, inspect(details.error?.cause ?? details.error, { depth: 4 }));
  // Node reports a file by its name only when it failed or held nothing.
  else if (isFile) failed(name, 'the file holds no test');
  else if (details.type !== 'suite') passed(`${name} (${Math.round(details.duration_ms)} ms)`);
}

function isReason(value) {
  return value !== undefined && value !== false;
}

/** Waits until it has ended, and keeps the time that it took. */
export async function timed(name, work) {
  const begun = performance.now();
  await work;
  times.push({ name, seconds: Math.round((performance.now() - begun) / 1000) });
}

/** What was counted since the last call, for add() of another process. */
export function results() {
  const all = { counts: { ...counts }, failures: failures.splice(0), times: times.splice(0) };
  for (const name of Object.keys(counts)) counts[name] = 0;
  return all;
}

/** Counts what another process has printed already. */
export function add(other) {
  for (const name of Object.keys(counts)) counts[name] += other.counts[name];
  failures.push(...other.failures);
  times.push(...other.times);
}

/** The last line, and the exit code. */
export function finish() {
  const long = times
    .filter(({ seconds }) => seconds >= LONGEST.seconds)
    .sort((one, other) => other.seconds - one.seconds);
  for (const { name, seconds } of long.slice(0, LONGEST.most))
    console.log(`took ${String(seconds).padStart(4)} s: ${name}`);
  for (const [n, { name, reason }] of failures.entries()) {
    console.log(`failed: ${name}`);
    if (n < REPEATED.reasons) console.log(beginning(reason));
  }
  const rest = counts.skipped > 0 ? `, ${counts.skipped} skipped` : '';
  console.log(`${counts.passed} passed, ${counts.failed} failed${rest}`);
  process.exitCode = counts.failed === 0 && counts.passed > 0 ? 0 : 1;
}

function beginning(reason) {
  const lines = reason
    .split('\n')
    .filter((line) => !/^ +at /.test(line)) // the stack
    .slice(0, REPEATED.lines);
  return lines.map((line) => `    ${line.slice(0, REPEATED.columns)}`).join('\n');
}
