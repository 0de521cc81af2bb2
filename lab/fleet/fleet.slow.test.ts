// SPDX-License-Identifier: Apache-2.0
// Needs: prometheus.
// `tapscope fleet` before a real Prometheus that has 100 hosts: who loses, how much, and what they have in common.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tapscope } from '../../test/agent/serve-process.ts';
import { at, listAt, parseJson } from '../../test/host/checked-json.ts';
import { type MadeUpHost, openMetricsOf } from './made-up-hosts.ts';
import { startStored } from './stored-prometheus.ts';

const KERNELS = ['6.1.0-41-amd64', '6.12.57+deb13-amd64', '7.3.4+deb14-amd64', '6.12.57+deb13-amd64'];
const SICK = '7.3.4+deb14-amd64';
const OFFERED = 1000;
const LOST = 20;
const SECONDS = 600;

/** Every second tap on a host of the sick kernel loses packets, and one tap elsewhere. */
const hosts = Array.from({ length: 100 }, (_, number): MadeUpHost => {
  const kernel = KERNELS[number % KERNELS.length] ?? '';
  const taps = Array.from({ length: 4 }, (_, index) => ({
    device: `vnet${index}`,
    offered: OFFERED,
    lost: (kernel === SICK && index % 2 === 0) || (number === 1 && index === 3) ? LOST : 0,
    qdisc: index < 2 ? 'noqueue' : 'fq_codel',
    ring: number % 3 === 0 ? '500' : '1000',
    tenant: ['red', 'green', 'blue'][(number + index) % 3] ?? '',
  }));
  return { instance: `host${number}:10747`, kernel, rack: `rack${number % 7}`, taps };
});
const losing = hosts.flatMap(({ taps }) => taps).filter(({ lost }) => lost > 0).length;

test('100 hosts of which those with one kernel lose packets: by raw series, and by what the rules record', async (t) => {
  const to = Math.floor(Date.now() / 60_000) * 60 + 240;
  const from = to - 2 * SECONDS;
  const prometheus = await startStored(t, openMetricsOf(hosts, from, to));
  const look = async (): Promise<unknown> => {
    const { code, stdout, stderr } = await tapscope([
      'fleet',
      '--url',
      prometheus.url,
      '--since',
      `${SECONDS}s`,
      '--json',
    ]);
    assert.equal(stderr, '');
    assert.equal(code, 1);
    return parseJson(stdout);
  };
  const raw = await look();
  await prometheus.record('deploy/fleet/tapscope-fleet.yml', from, to);
  const recorded = await look();
  for (const seen of [raw, recorded]) {
    assert.equal(at(seen, 'verdict'), 'warning');
    assert.equal(listAt(seen, 'hosts').length, hosts.length);
    assert.equal(listAt(seen, 'taps').length, hosts.length * 4);
    assert.equal(listAt(seen, 'losing').length, losing);
    for (const tap of listAt(seen, 'losing')) {
      assert.ok(Math.abs(Number(at(tap, 'lost', 'atRing')) - LOST * SECONDS) < 1, JSON.stringify(tap));
      assert.ok(Math.abs(Number(at(tap, 'offered')) - OFFERED * SECONDS) < 1, JSON.stringify(tap));
    }
    const [first, ...others] = listAt(seen, 'factors');
    assert.deepEqual(
      [at(first, 'property'), at(first, 'value'), at(first, 'losingWith')],
      ['kernel', SICK, losing - 1],
    );
    assert.deepEqual(others, []);
    const ofTenants = listAt(seen, 'tenants').map((one) => Number(at(one, 'losing')));
    assert.equal(ofTenants.length, 3);
    assert.equal(
      ofTenants.reduce((sum, taps) => sum + taps, 0),
      losing,
    );
  }
  const { stdout } = await tapscope(['fleet', '--url', prometheus.url, '--since', '10m']);
  t.diagnostic(stdout);
  assert.match(
    stdout,
    /^WARNING: 51 of 400 taps on 100 hosts lost 612 000 packets in the last 10\nminutes, 2.0 % of what was sent to them\n/,
  );
  assert.match(stdout, /\nTENANT\n(?:(?:red|green|blue) +\d+ \d+ packets lost \(0?.*%\), \d+ of 13[34] taps\n){3}/);
  assert.match(stdout, /Common: +kernel 7\.3\.4\+deb14-amd64: 50 of the 51 losing taps, 100 of all 400/);
});
