// SPDX-License-Identifier: Apache-2.0
// A real Prometheus with the shipped rules, in shorter minutes, that tells a real Alertmanager.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import type { TestContext } from 'node:test';
import { parse } from 'yaml';
import type { Agent } from '../../test/agent/serve-process.ts';
import { at, parseJson, textAt } from '../../test/host/checked-json.ts';
import type { Alertmanager } from './alertmanager.ts';
import { type Prometheus, startPrometheus } from './prometheus.ts';
import { RULE_FILES } from './rule-files.ts';

/** One minute of a rule lasts so long here. The agent needs 10 s to judge, however short the rules wait. */
const SECONDS_OF_A_MINUTE = 20;

/** Rules, and what deploy/prometheus says of alerts, with the addresses of this test; `docs`: where its links lead. */
export async function startWatch(
  t: TestContext,
  agent: Agent,
  { address }: Alertmanager,
  docs: string,
): Promise<Prometheus> {
  const folder = mkdtempSync(join(tmpdir(), 'tapscope-two-faults-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const rules = RULE_FILES.map((file) => {
    const text = readFileSync(file, 'utf8');
    const short = join(folder, basename(file));
    const waits = (_: string, minutes: string): string => `for: ${SECONDS_OF_A_MINUTE * Number(minutes)}s`;
    writeFileSync(short, text.replace(/\bfor: (\d+)m\b/g, waits));
    return short;
  });
  const shipped = parse(readFileSync('deploy/prometheus/prometheus.yml', 'utf8'));
  const labels = at(shipped, 'global', 'external_labels');
  const grafana = textAt(labels, 'tapscope_grafana');
  const external = parseJson(JSON.stringify(labels).replaceAll(grafana, docs));
  const alerting = parseJson(
    JSON.stringify(at(shipped, 'alerting')).replace(
      textAt(shipped, 'alerting', 'alertmanagers', 0, 'static_configs', 0, 'targets', 0),
      address,
    ),
  );
  return startPrometheus(t, [new URL(agent.url).host], rules, {
    global: { external_labels: external },
    alerting: Object(alerting),
  });
}
