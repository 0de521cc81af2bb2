// SPDX-License-Identifier: Apache-2.0
// Texts that strangers choose: names and words with what drives a terminal, ends a field, is markup, or means something to JavaScript.
import { type Arbitrary, array, constantFrom, oneof, string, uint8Array } from 'fast-check';
import { nameOf } from '../../src/foreign-name.ts';

/** Pieces of text, each of which has broken some program. */
const PIECES: readonly string[] = [
  ...[
    '\x1b[31m',
    '\x1b]0;x\x07',
    '\x9b1m',
    '\n',
    '\r',
    '\t',
    '\0',
    '\x7f',
    '\x85',
    '\u2028',
    '\u2029',
    '\u202e',
    '\ufeff',
  ],
  ...['<script>', '</pre>', '&amp;', '"', "'", '`', '\\', '\\n', '\\x1b', '\\u{202e}', '$(id)', '{', '}', '%', '%zz'],
  ...[
    'a',
    'Z',
    '0',
    '-',
    '--',
    ' ',
    '  ',
    ',',
    ',,',
    '=',
    ':',
    ';',
    '/',
    '..',
    '.',
    '(',
    ')',
    ') ',
    '[',
    ']',
    '#',
    '|',
    '*',
  ],
  ...['é', '\u00a0', '\u0300', '\u{1f600}', '\ufffd', 'ß', '__proto__', 'constructor', 'toString', 'hasOwnProperty'],
];

/** Made of such pieces. */
export const hostileText = (mostPieces = 12): Arbitrary<string> =>
  array(constantFrom(...PIECES), { maxLength: mostPieces }).map((pieces) => pieces.join(''));

/** Any text at all; half of it hostile. */
export const anyText = (maxLength = 40): Arbitrary<string> =>
  oneof(string({ unit: 'binary', maxLength }), hostileText(), string({ maxLength }));

/** A word of a command line. Its line ends are of the one who typed it, and are left out here. */
export const typedWord = (maxLength = 40): Arbitrary<string> =>
  anyText(maxLength).map((text) => text.replace(/[\n\r]/g, ' '));

/** A name as it reaches us from the kernel, made of such text. */
export const shown = (text: Arbitrary<string>): Arbitrary<string> => text.map((one) => nameOf(Buffer.from(one)));

/** The same of any bytes. */
export const textOfBytes = (maxLength = 40): Arbitrary<string> => uint8Array({ maxLength }).map(nameOf);

/** A text as a kernel's file holds it, read as Latin-1. */
export function latin1(text: string): string {
  return Buffer.from(text).toString('latin1');
}

/** A name that the kernel takes for a device (dev_valid_name): 15 bytes, no slash, colon or blank. */
export const deviceName: Arbitrary<string> = anyText(15)
  .map((text) => {
    // isspace() of the kernel is that of Latin-1: 0xa0 too.
    const bytes = Buffer.from(text).filter((byte) => byte > 0 && !/[\s/:\xa0]/.test(String.fromCharCode(byte)));
    return Buffer.from(bytes.subarray(0, 15)).toString();
  })
  .map((name) => (['', '.', '..'].includes(name) ? 'tap0' : name));

/** Lines of a file, some of which are of the kinds that its reader looks for. */
export const linesOf = (line: Arbitrary<string>, maxLength = 8): Arbitrary<string> =>
  array(oneof(line, anyText()), { maxLength }).map((lines) => lines.join('\n'));
