// SPDX-License-Identifier: Apache-2.0
// The rule of a firewall in what an agent says of a device that is asked about: the agent has no right to read rules, who types the command has.
import { setTimeout as wait } from 'node:timers/promises';
import type { Finding } from '../diagnosis/finding.ts';
import { judgeAsked } from '../diagnosis/judge-asked.ts';
import { HOST_FIREWALL, HOST_REFUSES } from '../diagnosis/rule-names.ts';
import type { Scope } from '../diagnosis/scope.ts';
import type { Stated } from '../outputs/first-line.ts';
import { askWindow } from './ask-agent.ts';
import { FirewallWatch } from './firewall-watch.ts';

/** As long as an agent judges a device that is asked about. */
const SECONDS = 10;
/** Between the two readings of the rules' counters: a rule that drops ten packets a second drops some meanwhile. */
const BETWEEN_MS = 400;
/** Whoever types `check` waits no longer for a name. */
const PATIENCE_MS = 1000;
const SHOWS_RULE = /\bnft -a list chain /;

export async function withRules<Told extends Pick<Stated, 'verdict' | 'last'>>(
  told: Told,
  scope: Scope,
  socket: string,
): Promise<Told> {
  const isByFirewall = ({ rule }: Finding): boolean => rule === HOST_FIREWALL || rule === HOST_REFUSES;
  if (!told.verdict.findings.some(isByFirewall)) return told;
  const again = await judgedAgain(told.last.takenAt, scope, socket).catch(() => []);
  const named = again.filter(({ remedies }) => remedies.some(({ command }) => SHOWS_RULE.test(command ?? '')));
  const findings = told.verdict.findings.map(
    (one) =>
      named.find(({ rule, netns, device }) => rule === one.rule && netns === one.netns && device === one.device) ?? one,
  );
  return { ...told, verdict: { ...told.verdict, findings } };
}

async function judgedAgain(at: number, scope: Scope, socket: string): Promise<readonly Finding[]> {
  const snapshots = await askWindow(socket, { at, seconds: SECONDS }, AbortSignal.timeout(PATIENCE_MS));
  const last = snapshots.at(-1);
  if (!last) return [];
  const firewall = new FirewallWatch(scope);
  firewall.begin(last);
  await wait(BETWEEN_MS);
  return judgeAsked(await firewall.onto(snapshots), scope).verdict.findings;
}
