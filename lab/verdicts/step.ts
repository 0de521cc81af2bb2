// SPDX-License-Identifier: Apache-2.0
// One scenario on its stage, from the moment at which it begins: what was said of its devices, and what that is worth.
import type { Finding } from '../../src/diagnosis/finding.ts';
import { judge } from '../../src/diagnosis/judge.ts';
import { windowOf } from '../../src/diagnosis/window.ts';
import type { Device } from '../../src/snapshot/device.ts';
import type { Snapshot } from '../../src/snapshot/snapshot.ts';
import type { Fault, Scenario } from './scenario.ts';
import { type Said, type Score, scoreFault, scoreHealthy, VERDICT_SECONDS } from './score.ts';
import type { Stage } from './setup.ts';
import type { Judgement } from './watch-devices.ts';
import { figuresOf } from './window-figures.ts';

/** Seconds. A healthy host is watched for as long as the last fault needs; a fault that has not come by then does not come. */
const HEALTHY_FOR = 16;
const COMES_WITHIN = 25;
const AFTER_VERDICT = 2;

export class Act {
  readonly scenario: Scenario;
  readonly #stage: Stage;
  readonly #heard: Judgement[] = [];
  /** Unix time, by device. */
  readonly #since = new Map<string, number>();
  #begunAt = 0;

  constructor(scenario: Scenario, stage: Stage) {
    this.scenario = scenario;
    this.#stage = stage;
  }

  /** `earlier`: of this agent, from its start on. */
  begin(earlier: readonly Judgement[]): void {
    this.#begunAt = Date.now() / 1000;
    const [first] = earlier;
    if (!first || !this.scenario.faults.some(isOfAgent)) return;
    // A budget is passed from the first packets on.
    if (this.scenario.budget !== undefined) this.#since.set('', this.#begunAt);
    else {
      // What the agent cannot see it cannot see from its start on.
      this.#heard.push(...earlier);
      this.#since.set('', first.at);
    }
  }

  hear(judgement: Judgement): void {
    this.#heard.push(this.#asked(judgement));
    const [before, now] = judgement.window.slice(-2);
    for (const { device, holds } of this.scenario.faults) {
      const [was, is] = [this.#find(before, device), this.#find(now, device)];
      if (!was || !is || !before || this.#since.has(device) || !holds(was, is)) continue;
      this.#since.set(device, Math.max(before.takenAt, this.#begunAt));
    }
  }

  /** What `tapscope diagnose DEVICE` says besides. */
  #asked(judgement: Judgement): Judgement {
    const { asked } = this.scenario;
    if (asked === undefined) return judgement;
    const window = windowOf(judgement.window);
    const device = window.devices.find(({ now }) => now.netns === this.#netns && now.name === asked);
    const known = new Set(judgement.findings.map(({ rule }) => rule));
    const more = judge(window, device).findings.filter(({ rule, netns }) => netns === this.#netns && !known.has(rule));
    return { ...judgement, findings: [...judgement.findings, ...more] };
  }

  get over(): boolean {
    const at = this.#heard.at(-1)?.at ?? 0;
    const { faults } = this.scenario;
    if (faults.length === 0) return at > this.#begunAt + HEALTHY_FOR;
    const ends = faults.map(({ device }) => (this.#since.get(device) ?? Infinity) + VERDICT_SECONDS + AFTER_VERDICT);
    return at > Math.min(Math.max(...ends), this.#begunAt + COMES_WITHIN);
  }

  scores(): readonly Score[] {
    const { faults } = this.scenario;
    const sound = this.#said(
      ({ netns, device }) => netns === this.#netns && !faults.some((one) => one.device === device),
    );
    const elsewhere = scoreHealthy(sound);
    const scores = faults.flatMap((fault) =>
      scoreFault(
        fault,
        this.#since.get(fault.device),
        this.#said((finding) => this.#isOf(finding, fault)),
      ),
    );
    return faults.length === 0 || elsewhere.outcome === 'false alarm' ? [...scores, elsewhere] : scores;
  }

  /** What was judged until the verdict was due, the last first. */
  windows(): readonly (readonly Snapshot[])[] {
    const since = this.#since.get(this.scenario.faults[0]?.device ?? '');
    const due = since === undefined ? Infinity : Math.max(since, this.#begunAt) + VERDICT_SECONDS + 1;
    const judged = this.#heard.filter(({ at }) => at <= due && at > this.#begunAt);
    return judged.map(({ window }) => window).reverse();
  }

  get netns(): number {
    return this.#netns;
  }

  figures(): unknown {
    const names = new Set(['tap0', ...this.scenario.faults.map(({ device }) => device)].filter((name) => name !== ''));
    const devices = [...names].map((name) => [name, figuresOf(this.windows()[0] ?? [], this.#netns, name)]);
    return { ...Object.fromEntries(devices), unexpected: this.#unexpected() };
  }

  /** False alarms, with the evidence that they gave. */
  #unexpected(): Readonly<Record<string, unknown>> | undefined {
    const wanted = new Set(this.scenario.faults.flatMap(({ rule, also = [], may = [] }) => [rule, ...also, ...may]));
    const alarms = this.#heard.flatMap(({ findings }) =>
      findings.filter(({ rule, severity, netns }) => netns === this.#netns && severity !== 'info' && !wanted.has(rule)),
    );
    const first = alarms.map(({ rule, cause, evidence }) => [rule, [cause, ...evidence]] as const).reverse();
    return first.length > 0 ? Object.fromEntries(first) : undefined;
  }

  get #netns(): number {
    return this.#stage.lab.inode;
  }

  #isOf({ netns, device }: Finding, fault: Fault): boolean {
    return isOfAgent(fault) ? netns === undefined : netns === this.#netns && device === fault.device;
  }

  #said(of: (finding: Finding) => boolean): readonly Said[] {
    return this.#heard.map(({ at, findings }) => ({
      at,
      findings: findings.filter(of).map(({ rule, severity }) => ({ rule, info: severity === 'info' })),
    }));
  }

  #find(snapshot: Snapshot | undefined, name: string): Device | undefined {
    return snapshot?.devices.find((device) => device.netns === this.#netns && device.name === name);
  }
}

function isOfAgent({ device }: Fault): boolean {
  return device === '';
}
