// SPDX-License-Identifier: Apache-2.0
// What docker-compose.yml puts beside the agent, without an engine: Prometheus and Alertmanager with its commands and mounts, in the agent's network,
// and the queries of the dashboards that Grafana is given.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { parse } from 'yaml';
import { at, listAt, parseJson, textAt } from '../test/host/checked-json.ts';
import type { NamespaceLab } from '../test/host/netns.ts';

const project = join(import.meta.dirname, '..');
const services = at(parse(readFileSync(join(project, 'docker-compose.yml'), 'utf8'), { merge: true }), 'services');
const PROGRAMS = { prometheus: 'prometheus', alertmanager: 'prometheus-alertmanager' };
const ALERT = 'TapscopeFindingCritical';
/** Scrapes come every 15 s. Some rules are evaluated once a minute, and read what others of that pace recorded. */
const WITHIN_MS = 240_000;
const PAUSE_MS = 2000;

type Ask = (url: string, query?: string) => Promise<unknown>;

/**
 * Starts both where the agent serves `device`, which loses packets, and waits until the loss is an alert there and each dashboard shows figures.
 * `pid`: of a process in that network namespace.
 */
export async function monitorsShow(t: TestContext, lab: NamespaceLab, pid: number, device: string): Promise<void> {
  const root = mkdtempSync(join(tmpdir(), 'tapscope-compose-'));
  t.after(() => rmSync(root, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 }));
  for (const [service, program] of Object.entries(PROGRAMS)) {
    const words = [`--net=/proc/${pid}/ns/net`, program, ...commandIn(root, service)];
    const child = spawn('nsenter', words, { stdio: 'ignore' });
    t.after(() => child.kill('SIGKILL'));
  }
  const ask: Ask = async (url, query) => {
    const words = query === undefined ? [] : ['--get', '--data-urlencode', `query=${query}`];
    const said = await lab.exec('curl', '-s', ...words, `http://127.0.0.1:${url}`).catch(() => '');
    return said === '' ? undefined : parseJson(said);
  };
  const netns = String(lab.inode);
  const begun = performance.now();
  for (;;) {
    const alerts = (await ask('9093/api/v2/alerts')) ?? [];
    const own = listAt({ alerts }, 'alerts').filter((alert) => at(alert, 'labels', 'netns') === netns);
    const names = own.map((alert) => textAt(alert, 'labels', 'alertname'));
    const silent = names.includes(ALERT) ? await withoutFigures(t, ask, { netns, device }) : ['not asked'];
    const tookMs = performance.now() - begun;
    if (silent.length === 0) {
      t.diagnostic(`after ${(tookMs / 1000).toFixed(0)} s: ${names.join(', ')}`);
      break;
    }
    assert.ok(tookMs < WITHIN_MS, `alerts: ${names.join(', ')}; dashboards without figures: ${silent.join(', ')}`);
    await wait(PAUSE_MS);
  }
  const groups = listAt(await ask('9090/api/v1/rules'), 'data', 'groups');
  const rules = groups.flatMap((group) => listAt(group, 'rules'));
  assert.ok(rules.length > 50, `${rules.length} rules`);
  const failed = rules.filter((rule) => at(rule, 'health') === 'err');
  assert.deepEqual(
    failed.map((rule) => [at(rule, 'name'), at(rule, 'lastError')]),
    [],
  );
  const lost = await ask(
    '9090/api/v1/query',
    `tapscope_queue_dropped_packets_total{netns="${netns}",device="${device}"}`,
  );
  assert.ok(listAt(lost, 'data', 'result').some((one) => Number(at(one, 'value', 1)) > 0));
}

/** The provisioned dashboards of which no panel has a figure; Prometheus refuses none of their queries. */
async function withoutFigures(
  t: TestContext,
  ask: Ask,
  of: { readonly netns: string; readonly device: string },
): Promise<readonly string[]> {
  const times = { __rate_interval: '1m', __range: '5m' };
  const values = { ...of, ...times, instance: '127.0.0.1:10747', queue: '0', guest: of.device };
  const silent: string[] = [];
  for (const file of dashboardFiles()) {
    const queries = [...new Set(queriesOf(parseJson(readFileSync(file, 'utf8'))))];
    let shown = 0;
    for (const query of queries) {
      const filled = query.replace(/\$\{?([a-z_]+)(?::raw)?\}?/g, (_, name) => Reflect.get(values, name) ?? '.*');
      const answer = await ask('9090/api/v1/query', filled);
      assert.equal(at(answer, 'status'), 'success', `${file}: ${filled}: ${JSON.stringify(answer)}`);
      if (listAt(answer, 'data', 'result').length > 0) shown += 1;
    }
    t.diagnostic(`${basename(file)}: ${shown} of ${queries.length} queries have an answer`);
    if (shown === 0) silent.push(basename(file));
  }
  return silent;
}

/** Where docker-compose.yml has them mounted for Grafana. */
function dashboardFiles(): readonly string[] {
  const volumes = listAt(services, 'grafana', 'volumes').map((volume) => String(volume).split(':'));
  const [source = ''] = volumes.find(([, target = '']) => target.endsWith('/dashboards')) ?? [];
  return readdirSync(join(project, source)).map((file) => join(project, source, file));
}

/** Of all panels of a dashboard, rows opened. */
function queriesOf(board: unknown): readonly string[] {
  const own = listAt(at(board, 'targets') ?? []).map((target) => textAt(target, 'expr'));
  return [...own, ...listAt(at(board, 'panels') ?? []).flatMap(queriesOf)];
}

/** The command of a service, with the paths of its container below `root`, where its mounts are copied to. */
function commandIn(root: string, service: string): readonly string[] {
  const targets = listAt(services, service, 'volumes').map((volume) => {
    const [source = '', target = ''] = String(volume).split(':');
    if (source.startsWith('.')) cpSync(join(project, source), join(root, target), { recursive: true });
    else mkdirSync(join(root, target), { recursive: true });
    return target;
  });
  return listAt(services, service, 'command').map((word) => {
    const [flag, value = ''] = String(word).split(/=(.*)/s);
    return targets.some((target) => value.startsWith(target)) ? `${flag}=${join(root, value)}` : String(word);
  });
}
