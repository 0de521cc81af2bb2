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

/** JSON in which a text may have a character that no text of an agent has: those are escaped there (src/foreign-name.ts). */
const MAY_DRIVE = /\\[ubfr]|[\x7f-\x9f\p{Cf}\p{Zl}\p{Zp}]/u;

/** The value of JSON from a process that is not trusted: neither its texts nor the names of its fields drive a terminal. Throws if it is no JSON. */
export function parseVisible(json: string): ReturnType<typeof JSON.parse> {
  if (!MAY_DRIVE.test(json)) return JSON.parse(json);
  return JSON.parse(json, (_, value: unknown) => {
    if (typeof value === 'string') return visibleLines(value);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
    return Object.fromEntries(Object.entries(value).map(([name, one]) => [visible(name), one]));
  });
}
