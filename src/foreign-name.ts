// SPDX-License-Identifier: Apache-2.0
// Names of devices, processes and namespaces are bytes. As text: UTF-8 as it is, a byte that is no UTF-8 as \xff, and the backslash of what
// reads like that already as \x5c: another text for each other name.

/** By the table of RFC 3629, of bytes as characters; a byte that is in no sequence; a backslash that reads like an escape. */
const PARTS =
  /[\xc2-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]{2}|\xed[\x80-\x9f][\x80-\xbf]|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}|\xf4[\x80-\x8f][\x80-\xbf]{2}|[\x80-\xff]|\\(?=x(?:[89a-f][\da-f]|5c))/g;
const ESCAPES = /(\\x(?:[89a-f][\da-f]|5c))/;

export function nameOf(bytes: Uint8Array): string {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  return Array.from(bytes, (byte) => String.fromCharCode(byte))
    .join('')
    .replace(PARTS, (part) => {
      if (part.length > 1) return decoder.decode(Uint8Array.from(part, (character) => character.charCodeAt(0)));
      return `\\x${part.charCodeAt(0).toString(16)}`;
    });
}

/** The bytes that have this name. */
export function bytesOfName(name: string): Uint8Array {
  const encoder = new TextEncoder();
  const parts = name
    .split(ESCAPES)
    .map((part, index) => (index % 2 === 1 ? [Number.parseInt(part.slice(2), 16)] : [...encoder.encode(part)]));
  return Uint8Array.from(parts.flat());
}
