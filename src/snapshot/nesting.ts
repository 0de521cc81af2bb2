// SPDX-License-Identifier: Apache-2.0
// How deep JSON from outside is nested, before a parser makes objects of it: brackets alone would take hundreds of bytes each.

const [QUOTE, BACKSLASH] = [0x22, 0x5c];
const [OPENERS, CLOSERS] = [[0x5b, 0x7b] as const, [0x5d, 0x7d] as const];

/** In linear time. What is no JSON may be either. */
export function isDeeperThan(json: string, most: number): boolean {
  let depth = 0;
  let isText = false;
  for (let at = 0; at < json.length; at += 1) {
    const code = json.charCodeAt(at);
    if (code === QUOTE) isText = !isText;
    else if (isText) at += code === BACKSLASH ? 1 : 0;
    else if (code === OPENERS[0] || code === OPENERS[1]) depth += 1;
    else if (code === CLOSERS[0] || code === CLOSERS[1]) depth -= 1;
    if (depth > most) return true;
  }
  return false;
}
