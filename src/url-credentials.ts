// SPDX-License-Identifier: Apache-2.0
// The user and the password of a URL, as the header that `fetch`, which takes no such URL, needs in their place.

export function urlCredentials({ username, password }: URL): Readonly<Record<string, string>> {
  if (username === '') return {};
  const plain = `${decoded(username)}:${decoded(password)}`;
  return { authorization: `Basic ${Buffer.from(plain).toString('base64')}` };
}

/** A percent sign that begins no escape is one, as in curl. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
