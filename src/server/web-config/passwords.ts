// SPDX-License-Identifier: Apache-2.0
// Checks passwords against bcrypt hashes. That takes a thread 50 ms and more, so results are cached, and one is computed at a time.
import { createHmac, randomBytes } from 'node:crypto';
import { compare } from 'bcrypt';

export interface Passwords {
  /** undefined: it has to be computed. */
  readonly known: (user: string, password: string) => boolean | undefined;
  /** undefined: too many others wait. */
  readonly check: (user: string, password: string) => Promise<boolean | undefined>;
}

const maxWaiting = 20;
const maxWrongKept = 100;

/** `users`: bcrypt hashes by name. */
export function createPasswords(users: ReadonlyMap<string, string>): Passwords {
  // Verdicts are found by a keyed digest: no password is kept, and how long a look-up takes says nothing about one.
  const secret = randomBytes(32);
  const right = new Set<string>();
  const wrong = new Set<string>();
  const running = new Map<string, Promise<boolean>>();
  let last: Promise<unknown> = Promise.resolve();

  function digest(user: string, password: string): string {
    return createHmac('sha256', secret).update(`${user.length}:${user}${password}`).digest('base64');
  }

  async function compute(key: string, user: string, password: string): Promise<boolean> {
    const hash = users.get(user);
    // An unknown name costs the same time as a known one.
    const fits = (await compare(password, nodeHash(hash ?? decoy(users)))) && hash !== undefined;
    if (fits) right.add(key);
    else keepWrong(wrong, key);
    return fits;
  }

  return {
    known: (user, password) => {
      const key = digest(user, password);
      if (right.has(key)) return true;
      return wrong.has(key) ? false : undefined;
    },
    check: async (user, password) => {
      const key = digest(user, password);
      const same = running.get(key);
      if (same !== undefined) return same;
      if (running.size >= maxWaiting) return undefined;
      const start = () => compute(key, user, password);
      const verdict = last.then(start, start).finally(() => running.delete(key));
      running.set(key, verdict);
      last = verdict;
      return verdict;
    },
  };
}

/** Right ones are as few as users; wrong ones are as many as a client tries. */
function keepWrong(wrong: Set<string>, key: string): void {
  wrong.add(key);
  const [oldest] = wrong;
  if (wrong.size > maxWrongKept && oldest !== undefined) wrong.delete(oldest);
}

/** htpasswd writes $2y$ for what others call $2b$; the library knows that name alone. */
function nodeHash(hash: string): string {
  return hash.replace(/^\$2y\$/, '$2b$');
}

/** A hash that takes as long to check as the first user's; no password fits it. */
function decoy(users: ReadonlyMap<string, string>): string {
  const [hash = '$2b$10$'] = users.values();
  return `${hash.slice(0, 7)}${'.'.repeat(53)}`;
}
