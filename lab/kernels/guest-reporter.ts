// SPDX-License-Identifier: Apache-2.0
// A reporter for node:test: the host gets a line for each test that begins or ends in the guest.
import { relative } from 'node:path';
import { inspect } from 'node:util';
import { sourceOf } from '../../test/bundled.ts';
import { at, numberAt, parseJson, textAt } from '../../test/host/checked-json.ts';

interface ReportedTest {
  readonly type: string;
  readonly data: unknown;
}

export async function* reportTests(source: AsyncIterable<ReportedTest>): AsyncGenerator<string> {
  for await (const { type, data } of source) {
    const event = eventOf(type, data);
    if (event) yield `${JSON.stringify(event)}\n`;
  }
  yield `${JSON.stringify({ type: 'end' } satisfies GuestEvent)}\n`;
}

/** Node says of a test that it begins, and tells its result after those of its subtests. */
function eventOf(type: string, data: unknown): GuestEvent | undefined {
  if (type === 'test:dequeue') {
    return { type: 'start', ...testOf(data), file: sourceOf(relative(process.cwd(), textAt(data, 'file'))) };
  }
  if (type === 'test:pass' || type === 'test:fail') return resultOf(type === 'test:pass', data);
  // Diagnostics without a file count all tests.
  const said = type === 'test:stdout' || type === 'test:stderr' || (type === 'test:diagnostic' && at(data, 'file'));
  return said ? { type: 'say', text: textAt(data, 'message').trimEnd() } : undefined;
}

function resultOf(passed: boolean, data: unknown): GuestEvent {
  const left = [at(data, 'skip'), at(data, 'todo')].find((reason) => reason !== undefined && reason !== false);
  if (left !== undefined) return { type: 'skip', ...testOf(data), reason: String(left) };
  if (passed) return { type: 'pass', ...testOf(data) };
  const error = at(data, 'details', 'error');
  if (at(error, 'failureType') === 'subtestsFailed') return { type: 'fail', ...testOf(data), reason: undefined };
  return { type: 'fail', ...testOf(data), reason: inspect(at(error, 'cause') ?? error, { depth: 4 }) };
}

function testOf(data: unknown): { readonly nesting: number; readonly name: string } {
  return { nesting: numberAt(data, 'nesting'), name: textAt(data, 'name') };
}

// What the tests inside a VM tell the host, one line of JSON each.
export type GuestEvent =
  /** file: in which the test is written. */
  | { readonly type: 'start'; readonly nesting: number; readonly name: string; readonly file: string }
  | { readonly type: 'pass'; readonly nesting: number; readonly name: string }
  | { readonly type: 'skip'; readonly nesting: number; readonly name: string; readonly reason: string }
  /** reason: as node's reporters show it; undefined: it failed through its subtests. */
  | { readonly type: 'fail'; readonly nesting: number; readonly name: string; readonly reason: string | undefined }
  | { readonly type: 'say'; readonly text: string }
  /** The last event of a run: a run without it did not reach its end. */
  | { readonly type: 'end' };

export const EVENT_START = '{"type":';

/** undefined: the line is not ours: another program wrote to the same serial line. */
export function parseEvent(line: string): GuestEvent | undefined {
  // A VM that dies may leave half a line.
  if (!line.startsWith(EVENT_START) || !line.endsWith('}')) return undefined;
  const event = parseJson(line);
  const type = textAt(event, 'type');
  if (type === 'end') return { type };
  if (type === 'say') return { type, text: textAt(event, 'text') };
  const test = { nesting: numberAt(event, 'nesting'), name: textAt(event, 'name') };
  if (type === 'start') return { type, ...test, file: textAt(event, 'file') };
  if (type === 'pass') return { type, ...test };
  if (type === 'skip') return { type, ...test, reason: textAt(event, 'reason') };
  if (type === 'fail') {
    return { type, ...test, reason: at(event, 'reason') === undefined ? undefined : textAt(event, 'reason') };
  }
  throw new Error(`A VM told of something unknown: ${line}`);
}
