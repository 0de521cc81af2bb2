// SPDX-License-Identifier: Apache-2.0
// Text that others chose (names of devices, programs, VMs), for people: it cannot forge what a terminal or a page shows.

/** Control, format and line-breaking characters, and halves of others, become U+FFFD. */
export function visible(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu, '\u{fffd}');
}

/** The same, of text that has lines: what libbpf says of a program, a usage. */
export function visibleLines(text: string): string {
  return text.split('\n').map(visible).join('\n');
}

/** JSON whose texts are as they were, but drive no terminal that shows it: what JSON.stringify() leaves of such characters is escaped too. */
export function escapedJson(json: string): string {
  return json.replace(/[\x7f-\x9f\p{Cf}\p{Zl}\p{Zp}]/gu, (sign) =>
    // An astral character is two units.
    Array.from({ length: sign.length }, (_, unit) => `\\u${sign.charCodeAt(unit).toString(16).padStart(4, '0')}`).join(
      '',
    ),
  );
}
