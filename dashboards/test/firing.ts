// SPDX-License-Identifier: Apache-2.0
// The state of a Prometheus's rules.
import { at, listAt, textAt } from '../../test/host/checked-json.ts';
import type { Prometheus } from './prometheus.ts';

type Words = Readonly<Record<string, string>>;

interface Alert {
  readonly name: string;
  readonly severity: string;
  /** The alert's instances that are pending or firing. */
  readonly active: readonly { readonly labels: Words; readonly annotations: Words }[];
}

async function rulesOf(prometheus: Prometheus): Promise<readonly unknown[]> {
  return listAt(await prometheus.ask('/api/v1/rules'), 'groups').flatMap((group) => listAt(group, 'rules'));
}

/** Rules that could not be evaluated, with Prometheus' reason. */
export async function healthOf(prometheus: Prometheus): Promise<readonly string[]> {
  const rules = await rulesOf(prometheus);
  if (rules.length === 0) throw new Error('Prometheus has no rules.');
  return rules
    .filter((rule) => at(rule, 'health') !== 'ok')
    .map((rule) => `${textAt(rule, 'name')}: ${String(at(rule, 'lastError'))}`);
}

export async function alertsOf(prometheus: Prometheus): Promise<readonly Alert[]> {
  return (await rulesOf(prometheus))
    .filter((rule) => at(rule, 'type') === 'alerting')
    .map((rule) => ({
      name: textAt(rule, 'name'),
      severity: textAt(rule, 'labels', 'severity'),
      active: listAt(rule, 'alerts').map((alert) => ({
        labels: wordsAt(alert, 'labels'),
        annotations: wordsAt(alert, 'annotations'),
      })),
    }));
}

function wordsAt(alert: unknown, key: string): Words {
  return Object.fromEntries(Object.entries(at(alert, key) ?? {}).map(([name, value]) => [name, String(value)]));
}
