// SPDX-License-Identifier: Apache-2.0
// What standard output is: how wide, and whether it shows colours.
import type { Layout } from '../../outputs/terminal-text.ts';

/** What goes to a file or a ticket is as wide as most terminals. */
const WIDTH = 80;

export function layoutOf(stream: NodeJS.WriteStream): Layout {
  const { NO_COLOR, TERM } = process.env;
  return { width: stream.columns || WIDTH, colours: stream.isTTY === true && !NO_COLOR && TERM !== 'dumb' };
}
