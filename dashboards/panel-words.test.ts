// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// Texts of the panels in Grafana: reasons for no data, targets of links, words and colours of severities.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { at, listAt, parseJson, textAt } from '../test/host/checked-json.ts';
import { alertNames } from './test/runbook.ts';

const FOLDER = new URL('json/', import.meta.url);
const boards = readdirSync(FOLDER).map((file) => ({
  file,
  board: parseJson(readFileSync(new URL(file, FOLDER), 'utf8')),
}));
const panels = boards.flatMap(({ file, board }) =>
  listAt(board, 'panels')
    .filter((panel) => textAt(panel, 'type') !== 'row')
    .map((panel) => ({ file, panel, title: textAt(panel, 'title') })),
);

function reasonOf(panel: unknown): string {
  return String(at(panel, 'fieldConfig', 'defaults', 'noValue') ?? '');
}

function queriesOf(panel: unknown): string {
  return listAt(panel, 'targets')
    .map((target) => textAt(target, 'expr'))
    .join('\n');
}

/** The properties that a table's field has. */
function propertiesOf(panel: unknown, field: string): Readonly<Record<string, unknown>> {
  const overrides = listAt(at(panel, 'fieldConfig', 'overrides') ?? []);
  const own = overrides.filter((override) => at(override, 'matcher', 'options') === field);
  return Object.fromEntries(
    own.flatMap((override) =>
      listAt(override, 'properties').map((property) => [textAt(property, 'id'), at(property, 'value')]),
    ),
  );
}

function panelCalled(file: string, title: string): unknown {
  return panels.find((one) => one.file === file && one.title === title)?.panel ?? assert.fail(title);
}

test('every panel of every dashboard says why it may have no data', () => {
  assert.ok(panels.length > 120);
  for (const { file, panel, title } of panels) assert.match(reasonOf(panel), /^\S.{7,}$/, `${file}: ${title}`);
});

test('the reason names what the host or guest must have: Linux 7.3, vhost-net, zero-copy, a macvtap', () => {
  const needs = [
    { metrics: /tapscope_vhost_/, says: /vhost-net/ },
    { metrics: /tapscope_zerocopy_/, says: /experimental_zcopytx/ },
    { metrics: /tapscope_queue_(stop|wake|resume)/, says: /IFF_BACKPRESSURE|backpressure/ },
  ];
  let checked = 0;
  for (const { panel, title } of panels) {
    const exprs = listAt(panel, 'targets').map((target) => textAt(target, 'expr'));
    for (const { metrics, says } of needs) {
      if (!exprs.every((expr) => metrics.test(expr))) continue;
      assert.match(reasonOf(panel), says, title);
      checked++;
    }
  }
  assert.ok(checked > 15, String(checked));
  assert.match(reasonOf(panelCalled('queue.json', 'Time in the ring to guest')), /Linux 7\.3/);
  assert.match(reasonOf(panelCalled('queue.json', 'macvtap: packets to guest')), /macvtap/);
  assert.match(reasonOf(panelCalled('host.json', 'Lost before tun')), /No loss in this time range/);
});

test('a cell without a value stays empty: the reason is the whole table’s', () => {
  const tables = panels.filter(({ panel }) => textAt(panel, 'type') === 'table');
  assert.ok(tables.length > 15);
  for (const { panel, title } of tables) assert.equal(propertiesOf(panel, '.*').noValue, '', title);
});

test('all panels of a dashboard share one crosshair', () => {
  for (const { file, board } of boards) assert.equal(at(board, 'graphTooltip'), 1, file);
});

test('each alert’s runbook is one click away from a panel, and each such link leads to one', () => {
  const linked = panels.flatMap(({ panel }) =>
    listAt(at(panel, 'links') ?? []).map((link) => {
      const [, alert = ''] = /^\$\{runbooks:raw\}\/(\w+)\.md$/.exec(textAt(link, 'url')) ?? [];
      return alert;
    }),
  );
  assert.deepEqual([...new Set(linked)].sort(), [...alertNames()].sort());
});

test('the worst finding comes first, its severity in words and colours, with links to the rule and the live page', () => {
  const findings = panelCalled('host.json', 'Findings');
  const severity = propertiesOf(findings, 'Value');
  assert.equal(severity.displayName, 'Severity');
  const words = at(severity.mappings, 0, 'options');
  assert.deepEqual(
    ['3', '2', '1'].map((figure) => [at(words, figure, 'text'), at(words, figure, 'color')]),
    [
      ['critical', 'red'],
      ['warning', 'orange'],
      ['info', 'blue'],
    ],
  );
  assert.deepEqual(at(findings, 'options', 'sortBy'), [{ displayName: 'Severity', desc: true }]);
  assert.equal(at(findings, 'transformations', 1, 'options', 'indexByName', 'Value'), 0);
  const expr = queriesOf(findings);
  for (const [figure, name] of Object.entries({ 3: 'critical', 2: 'warning', 1: 'info' }))
    assert.match(expr, new RegExp(`${figure} \\* max by \\([^)]*\\) \\(.*severity="${name}"`));
  const urls = [...listAt(propertiesOf(findings, 'rule').links), ...listAt(propertiesOf(findings, 'device').links)].map(
    (link) => textAt(link, 'url'),
  );
  assert.ok(urls.some((url) => url.includes('rules.md#')));
  assert.ok(urls.some((url) => /^\$\{pages:raw\}\$\{__data\.fields\["instance"\]:raw\}\/#\/queue\//.test(url)));
});

test('the addresses of runbooks and live pages are constants that every dashboard has', () => {
  for (const { file, board } of boards) {
    const constants = listAt(board, 'templating', 'list').filter((one) => at(one, 'type') === 'constant');
    assert.deepEqual(
      constants.map((one) => [textAt(one, 'name'), at(one, 'hide')]),
      [
        ['runbooks', 2],
        ['pages', 2],
      ],
      file,
    );
  }
});

/** Tables with a row for each device or queue of agents. */
const OF_DEVICES: Readonly<Record<string, readonly string[]>> = {
  'host.json': ['Findings', 'Worst queues to guests', 'Devices without a reader'],
  'backpressure.json': ['Devices that lost their flag'],
  'vm.json': [
    'Packets lost to guest and from guest',
    'Queues to the guest',
    'Threads of vhost-net',
    'Devices and their owner',
  ],
  'queue.json': ['Owner', 'Device'],
};

test('no two fields of a table have one heading: Grafana shows one of them', () => {
  for (const { file, panel, title } of panels.filter((one) => textAt(one.panel, 'type') === 'table')) {
    const names = listAt(at(panel, 'fieldConfig', 'overrides')).map((one) => String(at(one, 'matcher', 'options')));
    const headings = names.map((name) => propertiesOf(panel, name).displayName).filter((one) => one !== undefined);
    assert.deepEqual([...new Set(headings)], headings, `${file}: ${title}`);
  }
});

test('namespaces are shown by their names; links have the numbers', () => {
  for (const { panel, title } of panels)
    for (const target of listAt(panel, 'targets'))
      assert.doesNotMatch(String(at(target, 'legendFormat')), /\{\{netns\}\}/, title);
  for (const [file, titles] of Object.entries(OF_DEVICES))
    for (const title of titles) {
      const panel = panelCalled(file, title);
      assert.equal(propertiesOf(panel, 'name').displayName, 'Namespace', title);
      const number = propertiesOf(panel, 'netns');
      assert.deepEqual([number.displayName, number['custom.hidden']], ['Namespace number', true], title);
    }
});
