// SPDX-License-Identifier: Apache-2.0
// What an intruder got in each way that the agent is started: attempt by attempt for the terminal, in short for docs/reliability.md.
import { type Answers, succeeded } from '../../test/agent/intrusion.ts';
import { markdown } from '../report/report.ts';

class Intrusions {
  readonly #ways = new Map<string, Answers>();

  add(way: string, answers: Answers): void {
    this.#ways.set(way, answers);
  }

  /** undefined: none was played. */
  table(): string | undefined {
    if (this.#ways.size === 0) return undefined;
    const attempts = [...new Set([...this.#ways.values()].flatMap((answers) => Object.keys(answers)))];
    const body = attempts.map((attempt) => [
      attempt,
      ...[...this.#ways.values()].map((answers) => answers[attempt] ?? ''),
    ]);
    return markdown([['attempt', ...this.#ways.keys()], ...body], 1 + this.#ways.size);
  }

  /** One line a way. */
  summary(): string {
    const names = [...new Set([...this.#ways.values()].flatMap((answers) => Object.values(answers)))].sort();
    const lines = [...this.#ways].map(([way, answers]) => {
      const given = Object.values(answers);
      const counts = names.map((name) => given.filter((answer) => answer === name).length);
      return [way, given.length, succeeded(answers).length, ...counts];
    });
    return markdown([['way', 'attempts', 'succeeded', ...names], ...lines]);
  }
}

export const intrusions = new Intrusions();
