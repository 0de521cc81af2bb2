// SPDX-License-Identifier: Apache-2.0
// Names of devices, namespaces, processes and cgroups are bytes. As text: UTF-8 as it is; what is no UTF-8, or cannot be seen (control and format
// characters), byte by byte as \xff; and the backslash of what reads like that already as \x5c: another text for each other name.

/** By the table of RFC 3629, of bytes as characters; a byte that is in no sequence, or a control character; a backslash that reads like an escape. */
const PARTS =
  /[\xc2-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]{2}|\xed[\x80-\x9f][\x80-\xbf]|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}|\xf4[\x80-\x8f][\x80-\xbf]{2}|[^ -~]|\\(?=x(?:[0189a-f][\da-f]|7f|5c))/g;
const ESCAPES = /(\\x(?:[0189a-f][\da-f]|7f|5c))/;
/** As visible() of src/snapshot/visible.ts. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;
const PLAIN = /^[ -[\]-~]*$/;

export function nameOf(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return nameOfLatin1(text);
}

/** The same of bytes that were read as Latin-1, one character each. */
export function nameOfLatin1(bytes: string): string {
  if (PLAIN.test(bytes)) return bytes;
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  return bytes.replace(PARTS, (part) => {
    const decoded =
      part.length > 1 ? decoder.decode(Uint8Array.from(part, (character) => character.charCodeAt(0))) : undefined;
    return decoded === undefined || UNSEEN.test(decoded) ? escaped(part) : decoded;
  });
}

function escaped(bytes: string): string {
  return Array.from(bytes, (byte) => `\\x${byte.charCodeAt(0).toString(16).padStart(2, '0')}`).join('');
}

/** The bytes that have this name. */
export function bytesOfName(name: string): Uint8Array {
  const encoder = new TextEncoder();
  const parts = name
    .split(ESCAPES)
    .map((part, index) => (index % 2 === 1 ? [Number.parseInt(part.slice(2), 16)] : [...encoder.encode(part)]));
  return Uint8Array.from(parts.flat());
}

/** It has no byte that cannot be seen. */
export function isSeen(name: string): boolean {
  return !ESCAPES.test(name) && !UNSEEN.test(name);
}

/** A name that a person wrote, as it is shown or as it is. */
export function typedName(text: string): string {
  return nameOf(bytesOfName(text));
}
