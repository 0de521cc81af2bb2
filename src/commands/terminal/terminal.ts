// SPDX-License-Identifier: Apache-2.0
// Properties of standard output: width, colours, and the target of hyperlinks.
import { existsSync } from 'node:fs';
import { hostname } from 'node:os';
import { pathToFileURL } from 'node:url';
import { packageFile } from '../../kernel/package.ts';
import type { Layout } from '../../outputs/terminal-text.ts';

/** Width of output to a file or a ticket. */
const WIDTH = 80;
/** The file in the Debian package. */
const INSTALLED = '/usr/share/doc/tapscope/rules.md';

export function layoutOf(stream: NodeJS.WriteStream): Layout {
  const { NO_COLOR, TERM } = process.env;
  return { width: stream.columns || WIDTH, colours: stream.isTTY === true && !NO_COLOR && TERM !== 'dumb' };
}

/** The layout with hyperlinks to what each rule finds: terminals without hyperlinks show the text alone. */
export function linkedLayoutOf(stream: NodeJS.WriteStream): Layout {
  const layout = layoutOf(stream);
  const page = packageFile('docs/rules.md') ?? (existsSync(INSTALLED) ? INSTALLED : undefined);
  return layout.colours && page !== undefined ? { ...layout, rulesPage: urlOf(page) } : layout;
}

/** The URL has the host's name: a terminal on another host does not open a file of its own. */
function urlOf(page: string): string {
  const url = pathToFileURL(page);
  url.hostname = hostname();
  return url.href;
}
