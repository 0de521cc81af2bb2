// SPDX-License-Identifier: Apache-2.0
// Tests that ran in a VM, as subtests of a test here: names, durations, failures with their text, skips with their reasons.
import type { TestContext } from 'node:test';
import { inspect } from 'node:util';
import { type GuestEvent, parseEvent } from './guest-reporter.ts';

type Ending = Extract<GuestEvent, { type: 'pass' | 'skip' | 'fail' }>;

/** One test of the VM: its subtests come while it runs, then its ending. */
class ReportedTest {
  readonly name: string;
  readonly #news: (ReportedTest | Ending)[] = [];
  #wake: () => void = () => {};

  constructor(name: string) {
    this.name = name;
  }

  hear(news: ReportedTest | Ending): void {
    this.#news.push(news);
    this.#wake();
  }

  async next(): Promise<ReportedTest | Ending> {
    for (;;) {
      const news = this.#news.shift();
      if (news) return news;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

/** Takes a VM's output as it comes and makes subtests of it. */
export class Retelling {
  readonly #root = new ReportedTest('');
  /** The tests that run now, outermost first. */
  readonly #open: ReportedTest[] = [this.#root];
  readonly #say: (line: string) => void;
  #partial = '';
  #ended = false;
  #failures = 0;

  constructor(say: (line: string) => void) {
    this.#say = say;
  }

  /** The VM's end was told: nothing is missing. */
  get ended(): boolean {
    return this.#ended;
  }

  get failures(): number {
    return this.#failures;
  }

  hear(text: string): void {
    const lines = (this.#partial + text).split('\n');
    this.#partial = lines.pop() ?? '';
    for (const line of lines) this.#hearLine(line);
  }

  /** The VM is gone: what still ran there has failed, and `tell` comes to its end. */
  close(): void {
    if (this.#partial) this.#hearLine(this.#partial);
    for (let nesting = this.#open.length - 2; nesting >= 0; nesting--) {
      const name = this.#open[nesting + 1]?.name ?? '';
      this.#hearEvent({ type: 'fail', nesting, name, reason: 'the VM ended while this ran' });
    }
    this.#root.hear({ type: 'pass', nesting: -1, name: '' });
  }

  /** Runs until the VM's end. */
  async tell(t: TestContext): Promise<void> {
    await retell(t, this.#root);
  }

  #hearLine(line: string): void {
    const event = parseEvent(line);
    if (event) this.#hearEvent(event);
    else if (line.trim()) this.#say(line);
  }

  #hearEvent(event: GuestEvent): void {
    if (event.type === 'end') this.#ended = true;
    else if (event.type === 'say') this.#say(event.text);
    else if (event.type === 'start') this.#begin(event.nesting, titleOf(event));
    else {
      if (event.type === 'fail') this.#failures++;
      this.#open[event.nesting + 1]?.hear(event);
      this.#open.length = event.nesting + 1;
    }
  }

  #begin(nesting: number, name: string): void {
    const test = new ReportedTest(name);
    this.#open[nesting]?.hear(test);
    this.#open[nesting + 1] = test;
  }
}

/** A title of the top level begins with its file, so that the report names it. */
function titleOf({ nesting, name, file }: Extract<GuestEvent, { type: 'start' }>): string {
  return nesting === 0 ? `${file}: ${name}` : name;
}

async function retell(t: TestContext, told: ReportedTest): Promise<void> {
  for (;;) {
    const news = await told.next();
    if (news instanceof ReportedTest) await t.test(news.name, (t) => retell(t, news));
    else return end(t, news);
  }
}

function end(t: TestContext, ending: Ending): void {
  if (ending.type === 'skip') t.skip(ending.reason);
  if (ending.type === 'fail' && ending.reason !== undefined) throw new GuestFailure(ending.reason);
}

/** Shows itself as the VM's own text. */
class GuestFailure extends Error {
  constructor(text: string) {
    super(text.split('\n')[0]);
    this.stack = text;
  }

  [inspect.custom](): string {
    return this.stack ?? this.message;
  }
}
