// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// What docs/benchmarks.md quotes of the mails is what they say: bench/mails.json has their figures.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { at, listAt, numberAt, parseJson, textAt } from '../test/host/checked-json.ts';
import { KINDS } from './tables/profile-table.ts';

const mails = listAt(parseJson(readFileSync(join(import.meta.dirname, 'mails.json'), 'utf8')));
const page = readFileSync('docs/benchmarks.md', 'utf8');

/** Figures of the one mail that has such. */
function figures(name: string): unknown {
  const found = mails.flatMap((mail) => at(mail, 'figures', name) ?? []);
  const [first, second] = mails.filter((mail) => at(mail, 'figures', name) !== undefined);
  assert.ok(first && !second, name);
  return Array.isArray(at(first, 'figures', name)) ? found : found[0];
}

/** Tables below a heading, in their order: cells of each line, the header first. */
function tablesBelow(heading: string): readonly (readonly (readonly string[])[])[] {
  const [, section = ''] = page.split(new RegExp(`^## ${heading}.*$`, 'm'));
  const [own = ''] = section.split(/^## /m);
  return [...own.matchAll(/^(?:\|.*\n)+/gm)].map(([table]) =>
    table
      .trim()
      .split('\n')
      .filter((line) => !/^\|[\s|:-]+$/.test(line) || /[a-z]/.test(line))
      .map((line) =>
        line
          .slice(1, -1)
          .split('|')
          .map((cell) => cell.trim()),
      ),
  );
}

/** All cells of columns whose header begins with "mail", by column. */
function mailColumns(table: readonly (readonly string[])[] | undefined): readonly (readonly string[])[] {
  const [header = [], ...rows] = table ?? [];
  return header.flatMap((name, column) => (name.startsWith('mail') ? [rows.map((row) => row[column] ?? '')] : []));
}

test('each mail is named, and by its id where its archive has one', () => {
  assert.deepEqual(
    mails.map((mail) => at(mail, 'id') ?? textAt(mail, 'author')),
    ['Simon Schippers', '20251125200041.1565663-1-jon@nutanix.com', 'Simon Schippers', 'Jason Wang', 'Shirley Ma'],
  );
});

/** Stock and patched, of the hosts whose name begins so. */
function pktgenColumns(host: string): readonly (readonly string[])[] {
  const measured = listAt(figures('pktgen')).filter((one) => textAt(one, 'host').startsWith(host));
  return ['stock', 'patched'].map((side) =>
    measured.flatMap((one) =>
      ['transmitted', 'lost'].map((name) => {
        const rate = numberAt(one, side, name);
        return rate === 0 ? '0' : `${rate} Kpps`;
      }),
    ),
  );
}

test('v7: transmitted and lost, stock and with fq_codel, not pinned and pinned', () => {
  const [free, pinned] = tablesBelow('v7');
  assert.deepEqual(mailColumns(free), pktgenColumns('R5 5600X'));
  assert.deepEqual(mailColumns(pinned), pktgenColumns('i5 6300HQ'));
});

test('v7: the first rows of perf stat', () => {
  const units = { contextSwitches: '/s', migrations: '/s', pageFaults: '/s', taskClock: ' CPUs' };
  const columns = listAt(figures('perfStat'))
    .filter((one) => textAt(one, 'reader') === 'TAP')
    .map((one) => Object.entries(units).map(([name, unit]) => `${numberAt(one, 'shown', name)}${unit}`));
  assert.deepEqual(mailColumns(tablesBelow('v7')[3]), columns);
});

test('zero-copy: Mbit/s, CPU of QEMU and of vhost-net, and interrupts', () => {
  const rows = listAt(figures('zeroCopy'));
  const column = (name: string, unit = ''): readonly string[] => rows.map((row) => `${numberAt(row, name)}${unit}`);
  const [rates = [], ...others] = mailColumns(tablesBelow('Zero-copy')[0]);
  assert.deepEqual(
    rates.map(Number),
    rows.map((row) => numberAt(row, 'mbits')),
  );
  assert.deepEqual(others, [column('qemuPercent', ' %'), column('vhostPercent', ' %'), column('interrupts')]);
});

test('zero-copy: the mail’s interrupts follow the CPUs that were busy, as samples of perf do', () => {
  for (const row of listAt(figures('zeroCopy'))) {
    const busy = (numberAt(row, 'qemuPercent') + numberAt(row, 'vhostPercent')) / 100;
    const each = numberAt(row, 'interrupts') / busy;
    assert.ok(each > 950 && each < 1150, `${each} a second for each busy CPU`);
  }
});

test("profile: shares of pktgen and of vhost-net's worker", () => {
  const reports = listAt(figures('perfReport'));
  const share = (reader: string, threads: string, side: string, functions: RegExp): string => {
    const found = reports.find(
      (one) => textAt(one, 'reader') === reader && textAt(one, 'threads') === threads && textAt(one, 'side') === side,
    );
    const shares = Object.entries(at(found, 'percent') ?? {}).filter(([name]) => functions.test(name));
    return `${shares.reduce((sum, [, percent]) => sum + Number(percent), 0).toFixed(2)} %`;
  };
  const pktgen = [/^\[pktgen\]$/, /^tun_net_xmit$/];
  const worker = KINDS.map(([, functions]) => functions);
  const column = (side: string): readonly string[] => [
    ...pktgen.map((functions) => share('TAP', 'pktgen', side, functions)),
    '–',
    '–',
    ...worker.map((functions) => share('TAP + vhost-net', 'vhost', side, functions)),
  ];
  assert.deepEqual(mailColumns(tablesBelow('Profile')[0]), [column('stock'), column('patched')]);
});

test('NAPI cache: the bitrates', () => {
  const [row] = tablesBelow('NAPI cache').flatMap((table) => table.filter(([first]) => first?.startsWith('mail')));
  const rates = figures('iperf3Udp');
  const [before, after] = [numberAt(rates, 'before'), numberAt(rates, 'after')];
  assert.deepEqual(row, ['mail: bitrate', `${before} Gbit/s`, `${after} Gbit/s`, (after / before).toFixed(3)]);
});

/** Tests of the mail by what the page calls them. */
const NETPERF: Readonly<Record<string, number>> = {
  'guest → host, 512 bytes, mail': 5,
  'guest → host, default, mail': 6,
  'host → guest, 512 bytes, mail': 7,
  'host → guest, default, mail': 8,
};

test('multiqueue: throughput and the normalized one, of each count of queues and sessions', () => {
  const [table = []] = tablesBelow('Multiqueue');
  const rows = table.filter(([first]) => first?.endsWith(', mail'));
  assert.equal(rows.length, 12);
  for (const [name = '', queues, ...cells] of rows) {
    const measured = listAt(figures('netperf')).find((one) => numberAt(one, 'number') === NETPERF[name]);
    const block = listAt(measured, 'blocks').find(
      (one) => textAt(one, 'driver') === 'multiqueue' && String(numberAt(one, 'queues')) === queues,
    );
    const expected = listAt(block, 'rows').map((row) => `${Math.round(numberAt(row, 1))} (${numberAt(row, 3)})`);
    assert.deepEqual(cells, expected, `${name}, ${queues} queues`);
  }
});

test('multiqueue: the rows of other guests', () => {
  const rows =
    tablesBelow('Multiqueue')
      .find(([header]) => header?.[0] === 'test of the mail')
      ?.slice(1) ?? [];
  assert.equal(rows.length, 11);
  for (const [name = '', driver, smp, sessions, mail] of rows) {
    const measured = listAt(figures('netperf')).find((one) => name.startsWith(`${numberAt(one, 'number')} `));
    const block = listAt(measured, 'blocks').find(
      (one) =>
        textAt(one, 'driver') === (driver === 'both' ? 'multiqueue' : driver) && String(numberAt(one, 'smp')) === smp,
    );
    const row = listAt(block, 'rows').find((one) => String(numberAt(one, 0)) === sessions);
    assert.equal(mail, `${Math.round(numberAt(row, 1))} (${numberAt(row, 3)})`, name);
  }
});

test('the multiqueue mail has 256 rows, each normalized by its CPU', () => {
  const rows = listAt(figures('netperf')).flatMap((one) =>
    listAt(one, 'blocks').flatMap((block) => listAt(block, 'rows')),
  );
  assert.equal(rows.length, 256);
  // The mail cuts what follows the point.
  for (const row of rows) assert.equal(Math.floor(numberAt(row, 1) / numberAt(row, 2)), numberAt(row, 3), String(row));
});
