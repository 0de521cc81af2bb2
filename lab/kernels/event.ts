// SPDX-License-Identifier: Apache-2.0
// What the tests inside a VM tell the host, one line of JSON each.
import { at, numberAt, parseJson, textAt } from '../../test/host/checked-json.ts';

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
