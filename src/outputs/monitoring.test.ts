// SPDX-License-Identifier: Apache-2.0
// Needs: icinga2-bin, libmonitoring-plugin-perl.
// A real Icinga runs what `check` prints as its check command, and says what it makes of it; performance data is read as Nagios' plugins read it too.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { temporaryFolder } from '../../test/agent/certificates.ts';
import { parseJson } from '../../test/host/checked-json.ts';
import { run } from '../../test/host/run.ts';
import { until } from '../../test/host/until.ts';
import { goldenSnapshot } from '../../test/snapshots/golden-snapshot.ts';
import type { Finding, Severity } from '../diagnosis/finding.ts';
import { EXIT_CODES, type Status, statusOf } from '../diagnosis/status.ts';
import { type Checked, itemsOf, renderCheck } from './check-text.ts';
import { perfdataOf } from './perfdata.ts';

const HOSTILE = [
  'tap|lost=9',
  "it's",
  'a;b=1',
  'back\\slash',
  '$(id)',
  '$host.name$',
  'ü\u202ex',
  'two\nlines',
  '"q"',
  '|',
];
const LABELS = ['problems', 'devices', 'queues', 'full_queues', 'lost', 'sent', 'age'];

function finding(severity: Severity, device: string): Finding {
  const cause = `${device} lost 9 of 40 packets: its reader, ${device} (pid 7), is stopped.`;
  const brief = `loses 23 % of its packets, 9/s: its reader ${device} (7) is stopped`;
  const netns = goldenSnapshot.devices[0]?.netns;
  return {
    ...{ rule: 'reader-stalled', severity, netns, device, queue: 0, cause, brief, confidence: 'high' },
    ...{ evidence: [], remedies: [], rejected: [], degraded: [], explains: 9 },
  };
}

/** What `check` prints into a pipe on a host whose devices have such names. */
function answerOf(findings: readonly Finding[], more: Partial<Checked> = {}): { status: Status; text: string } {
  const devices = goldenSnapshot.devices.map((device, place) => ({ ...device, name: HOSTILE[place] ?? device.name }));
  const last = { ...goldenSnapshot, devices };
  const verdict = { findings, unjudged: [] };
  const checked: Checked = {
    ...{ status: statusOf(verdict), verdict, inconclusive: [], devices, last, seconds: 10, isRenamed: false },
    ...{ host: { kernel: '6.12', version: '1' }, agent: undefined, rules: 40 },
    ...more,
  };
  const layout = { width: 80, colours: false };
  return { status: checked.status, text: renderCheck(checked, itemsOf(checked), layout, perfdataOf(checked)) };
}

const answers = [
  answerOf([]),
  ...HOSTILE.flatMap((name) => [answerOf([finding('warning', name)]), answerOf([finding('critical', name)])]),
  answerOf([], { status: 'unknown', inconclusive: ["it's | not = known; 'why'"] }),
];

interface Taken {
  readonly state: string;
  /** The first line, without performance data. */
  readonly output: string;
  readonly perfdata: string;
}

/** Runs each answer as a check of one service; what Icinga has of it, by its place. */
async function icingaTakes(t: TestContext): Promise<ReadonlyMap<number, Taken>> {
  const folder = temporaryFolder(t);
  const paths = ['InitRunDir', 'LogDir', 'SpoolDir', 'DataDir', 'CacheDir'].map((name) => [name, join(folder, name)]);
  for (const [, path = ''] of paths) mkdirSync(path);
  for (const [place, { text }] of answers.entries()) writeFileSync(join(folder, `answer-${place}`), text);
  const services = answers.map(
    ({ status }, place) => `
object CheckCommand "c${place}" { command = [ "sh", "-c", "cat ${folder}/answer-${place}; exit ${EXIT_CODES[status]}" ] }
object Service "${place}" {
  host_name = "here"
  check_command = "c${place}"
  check_interval = 1s
  retry_interval = 1s
  max_check_attempts = 1
}`,
  );
  writeFileSync(
    join(folder, 'icinga.conf'),
    `object CheckerComponent "checker" { }
object PerfdataWriter "out" {
  service_perfdata_path = "${folder}/taken"
  service_temp_path = "${folder}/taken.tmp"
  host_perfdata_path = "${folder}/host"
  host_temp_path = "${folder}/host.tmp"
  rotation_interval = 1s
  service_format_template = "BEGIN $service.name$ $service.state$ $service.output$ END $service.perfdata$"
}
object Host "here" {
  check_command = "c0"
  enable_active_checks = false
}
${services.join('')}
`,
  );
  const { username } = userInfo();
  const group = (await run('id', ['-gn'])).stdout.trim();
  const constants = [...paths, ['RunAsUser', username], ['RunAsGroup', group], ['PidPath', join(folder, 'pid')]];
  const defines = constants.map(([name, value]) => `-D${name}=${value}`);
  const args = ['daemon', '-c', join(folder, 'icinga.conf'), '--log-level', 'critical', ...defines];
  const icinga = spawn('icinga2', args, { detached: true, stdio: 'ignore' });
  const end = new Promise<void>((resolve) => icinga.once('exit', () => resolve()));
  try {
    await until(() => takenIn(folder).size === answers.length || icinga.exitCode !== null);
    return takenIn(folder);
  } finally {
    if (icinga.pid !== undefined) process.kill(-icinga.pid, 'SIGKILL');
    await end;
  }
}

function takenIn(folder: string): ReadonlyMap<number, Taken> {
  const files = readdirSync(folder).filter((name) => /^taken\.\d+$/.test(name));
  const records = files.flatMap((name) => [
    ...readFileSync(join(folder, name), 'utf8').matchAll(/^BEGIN (\d+) (\w+) (.*)\n[\s\S]*? END (.+)$/gm),
  ]);
  return new Map(
    records.map(([, place, state = '', output = '', perfdata = '']) => [Number(place), { state, output, perfdata }]),
  );
}

test('Icinga and Nagios take state, first line and performance data of every answer, whatever devices are called', async (t) => {
  const taken = await icingaTakes(t);
  for (const [place, { status, text }] of answers.entries()) {
    const { state, output, perfdata } = taken.get(place) ?? assert.fail();
    const [line = ''] = text.split('\n');
    assert.equal(state, status.toUpperCase());
    assert.equal(`${output}|${perfdata}`, line);
    assert.ok(output.startsWith(`${state}: `), output);
  }
  const all = [...taken.values()].map(({ perfdata }) => perfdata);
  for (const values of await Promise.all([byIcinga(all), byPlugins(all)]))
    assert.deepEqual(
      values,
      all.map((perfdata) => perfdata.split(' ').map((one) => one.split('=')[0])),
    );
  assert.deepEqual(
    all[0]?.split(' ').map((one) => one.split('=')[0]),
    LABELS,
  );
});

/** The labels that Icinga's own parser finds; it throws at what is not a value. */
async function byIcinga(all: readonly string[]): Promise<unknown> {
  const lists = all.map((perfdata) => perfdata.split(' '));
  const expression = `${JSON.stringify(lists)}.map(list => list.map(one => parse_performance_data(one).label))`;
  return parseJson((await run('icinga2', ['console', '--eval', expression])).stdout);
}

/** Those of Monitoring::Plugin, the library of Nagios' plugins. */
async function byPlugins(all: readonly string[]): Promise<unknown> {
  const script =
    'print join(" ", map { $_->label } Monitoring::Plugin::Performance->parse_perfstring($_)), "\\n" for @ARGV';
  const { stdout } = await run('perl', ['-MMonitoring::Plugin::Performance', '-e', script, ...all]);
  return stdout
    .trimEnd()
    .split('\n')
    .map((line) => line.split(' '));
}
