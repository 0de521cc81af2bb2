// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// /api/v1 of a real server on 127.0.0.1 and on a unix socket, with a history of golden snapshots.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { get, type IncomingMessage } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import { serveEndpoint } from '../../test/agent/endpoint.ts';
import { startLocalApi } from '../../test/agent/local-api.ts';
import { at, listAt, parseJson } from '../../test/host/checked-json.ts';
import { until } from '../../test/host/until.ts';
import { goldenSnapshot } from '../../test/snapshots/golden-snapshot.ts';
import { quietSnapshots } from '../../test/snapshots/quiet-host.ts';
import { askSocket } from '../kernel/agent-socket.ts';
import { type SnapshotJson, snapshotFromJson } from '../snapshot/json.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import { createObserver, type Observer } from './observer.ts';

const BEGIN = Math.floor(Date.now() / 1000) - 40;

function snapshotAt(second: number): Snapshot {
  const devices = structuredClone(goldenSnapshot.devices).map((device) => ({
    ...device,
    counters: device.counters && { ...device.counters, txPackets: second },
    queues: device.queues.map((queue) => ({
      ...queue,
      counters: queue.counters && { ...queue.counters, offered: 100 * second, delivered: 40 * second },
    })),
  }));
  return { ...goldenSnapshot, takenAt: BEGIN + second, devices };
}

function observed(seconds: number): Observer {
  const observer = createObserver();
  for (let second = 0; second <= seconds; second++) observer.see(snapshotAt(second));
  return observer;
}

type Ask = (path: string) => Promise<IncomingMessage>;

/** The same API, by both ways to it. */
async function bothWays(t: TestContext, observer: Observer): Promise<readonly Ask[]> {
  const takeSnapshot = async () => snapshotAt(41);
  const { port } = await serveEndpoint(t, { dependencies: { takeSnapshot, observer } });
  const folder = mkdtempSync(join(tmpdir(), 'tapscope-api-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const socketPath = join(folder, 'agent.sock');
  const socket = await startLocalApi(socketPath, {
    takeSnapshot,
    observer,
    host: { kernel: '7.3.0', version: '0.1.0' },
  });
  t.after(() => socket.close());
  const ask = (where: object) => (path: string) =>
    new Promise<IncomingMessage>((resolve, reject) =>
      get({ ...where, path, agent: false }, resolve).once('error', reject),
    );
  return [ask({ host: '127.0.0.1', port }), ask({ socketPath })];
}

async function json(ask: Ask, path: string): Promise<unknown> {
  const answer = await ask(path);
  const body = await text(answer);
  assert.equal(answer.statusCode, 200, body);
  assert.equal(answer.headers['content-type'], 'application/json; charset=utf-8');
  const value = parseJson(body);
  assert.equal(at(value, 'schema'), 1);
  return value;
}

function isSnapshot(value: unknown): value is SnapshotJson {
  return typeof value === 'object' && value !== null && 'agent' in value;
}

/** The snapshot before it became JSON, which leaves out undefined. */
function revived(value: unknown): Snapshot {
  assert.ok(isSnapshot(value));
  return snapshotFromJson(value);
}

function withoutUndefined(snapshot: Snapshot): Snapshot {
  return {
    ...parseSame(snapshot),
    agent: {
      ...parseSame(snapshot.agent),
      namespaceNames: snapshot.agent.namespaceNames,
      namespacePaths: snapshot.agent.namespacePaths,
      overhead: snapshot.agent.overhead,
    },
  };
}

function parseSame<Value>(value: Value): Value {
  return JSON.parse(JSON.stringify(value));
}

test('devices that have ended, by both ways', async (t) => {
  for (const ask of await bothWays(t, observed(3))) {
    const answer = await json(ask, '/api/v1/ended');
    assert.equal(at(answer, 'takenAt'), BEGIN + 3);
    assert.equal(at(answer, 'ended', 'unseen'), 1);
    const [device] = listAt(answer, 'ended', 'latest');
    assert.deepEqual([at(device, 'owner', 'comm'), at(device, 'counts', 'delivered')], ['probe', 7]);
  }
});

test('of devices that are asked about these alone come, and all where none is meant', async (t) => {
  const namesIn = (value: unknown): readonly string[] => revived(value).devices.map(({ name }) => name);
  const all = snapshotAt(41).devices.map(({ name }) => name);
  const [first = ''] = all;
  for (const ask of await bothWays(t, observed(40))) {
    for (const [asked, names] of [
      [first, all.filter((name) => name === first)],
      ['no-such-device', all],
    ] as const) {
      assert.deepEqual(namesIn(at(await json(ask, `/api/v1/snapshot?device=${asked}`), 'snapshot')), names);
      const window = await json(ask, `/api/v1/window?at=${BEGIN + 30}&seconds=2&device=${asked}`);
      assert.deepEqual(listAt(window, 'snapshots').map(namesIn), [names, names, names]);
    }
  }
});

test('a fresh snapshot, and those of the history, come as they were', async (t) => {
  for (const ask of await bothWays(t, observed(40))) {
    const fresh = await json(ask, '/api/v1/snapshot');
    assert.deepEqual(revived(at(fresh, 'snapshot')), withoutUndefined(snapshotAt(41)));
    const window = await json(ask, `/api/v1/window?at=${BEGIN + 30}&seconds=5`);
    assert.equal(at(window, 'stepSeconds'), 1);
    const snapshots = listAt(window, 'snapshots').map(revived);
    assert.deepEqual(
      snapshots,
      [25, 26, 27, 28, 29, 30].map((second) => withoutUndefined(snapshotAt(second))),
    );
    assert.deepEqual(at(await json(ask, '/api/v1'), 'history'), { from: BEGIN, to: BEGIN + 40 });
  }
});

test('findings and queues, of now and of then', async (t) => {
  const observer = observed(40);
  const active = observer.latest()?.active ?? [];
  assert.ok(active.length > 0, 'the golden host has faults');
  for (const ask of await bothWays(t, observer)) {
    const now = await json(ask, '/api/v1/findings');
    assert.deepEqual(
      listAt(now, 'findings').map((finding) => at(finding, 'rule')),
      active.map(({ finding }) => finding.rule),
    );
    assert.deepEqual([at(now, 'takenAt'), at(now, 'seconds')], [BEGIN + 40, 10]);
    assert.ok(listAt(now, 'findings').every((finding) => at(finding, 'since') === active[0]?.since));
    const then = await json(ask, `/api/v1/findings?at=${BEGIN + 20}`);
    assert.deepEqual([at(then, 'takenAt'), at(then, 'verdict')], [BEGIN + 20, at(now, 'verdict')]);
    for (const path of ['/api/v1/queues', `/api/v1/queues?at=${BEGIN + 20}`]) {
      const [first] = listAt(await json(ask, path), 'queues');
      assert.deepEqual([at(first, 'device'), at(first, 'netns'), at(first, 'offered')], ['tap0', 4026531840, 100]);
    }
    const trends = await json(ask, '/api/v1/trends');
    assert.equal(at(listAt(trends, 'takenAt').at(-1)), BEGIN + 40);
    const [trend] = listAt(trends, 'queues');
    assert.deepEqual([at(trend, 'device'), ...new Set(listAt(trend, 'offered'))], ['tap0', 100]);
    const past = await json(ask, `/api/v1/trends?at=${BEGIN + 20}&seconds=10`);
    assert.deepEqual([listAt(past, 'takenAt')[0], listAt(past, 'takenAt').at(-1)], [BEGIN + 11, BEGIN + 20]);
    const series = await json(ask, '/api/v1/queues/4026531840/tap0/0/history');
    assert.deepEqual(listAt(series, 'takenAt').slice(-2), [BEGIN + 39, BEGIN + 40]);
    assert.deepEqual([...new Set(listAt(series, 'offered'))], [100]);
    assert.deepEqual([...new Set(listAt(series, 'occupancy'))], [10]);
    // A namespace by its name, as it is shown and as its bytes are.
    for (const name of ['blue\\x0ateam', 'blue\nteam']) {
      const named = await json(ask, `/api/v1/queues/${encodeURIComponent(name)}/tap0/0/history`);
      assert.deepEqual([at(named, 'netns'), at(named, 'device')], [4026532285, 'tap0']);
    }
    const ledger = await json(ask, '/api/v1/ledger/4026531840/tap0');
    assert.deepEqual([at(ledger, 'takenAt'), at(ledger, 'seconds')], [BEGIN + 40, 10]);
    const [row] = listAt(at(ledger, 'to'), 'rows');
    assert.deepEqual(row, { fate: 'delivered to its guest or reader', packets: 10 });
  }
});

test('a device is found by the name of its owner too, whatever letters that has', async (t) => {
  const vm = 'büro/100 % of web1';
  const observer = createObserver();
  for (const snapshot of quietSnapshots([{ vm }, {}])) observer.see(snapshot);
  for (const ask of await bothWays(t, observer))
    for (const path of ['queues', 'ledger']) {
      const end = path === 'queues' ? '/0/history' : '';
      const { netns = 0 } = observer.history.recent.at(-1)?.devices[0] ?? {};
      const named = await json(ask, `/api/v1/${path}/${netns}/${encodeURIComponent(vm)}${end}`);
      assert.deepEqual([at(named, 'netns'), at(named, 'device')], [netns, 'tap0']);
    }
});

test('what cannot be answered is one sentence', async (t) => {
  for (const ask of await bothWays(t, observed(40))) {
    for (const [path, status, words] of [
      ['/api/v1/window?at=yesterday', 400, /"at" must be number/],
      ['/api/v1/window?seconds=0', 400, /"seconds" must be >= 1/],
      ['/api/v1/window?seconds=86400', 400, /"seconds" must be <= 1800/],
      [`/api/v1/findings?at=${'9'.repeat(400)}`, 400, /"at" must be <= 100000000000/],
      ['/api/v1/queues?at=-Infinity', 400, /"at" must be >= 0/],
      ['/api/v1/queues?at=NaN', 400, /"at" must be number/],
      ['/api/v1/findings?when=5', 400, /"when" is not known here/],
      ['/api/v1/queues?at=1&at=2', 400, /"at" must be number/],
      [`/api/v1/findings?at=${BEGIN - 7200}`, 404, /no history of .* UTC: it reaches from .* UTC to .* UTC/],
      [`/api/v1/window?at=${BEGIN + 7200}`, 404, /no history of/],
      ['/api/v1/queues/here/tap0/0/history', 404, /no queue 0 of "tap0" in network namespace "here"/],
      ['/api/v1/queues/4026531840/tap404/0/history', 404, /no queue 0 of "tap404"/],
      ['/api/v1/queues/4026531840/%3Cscript%3E/0/history', 404, /no queue 0 of "<script>"/],
      ['/api/v1/ledger/4026531840/tap404', 404, /no counters of "tap404"/],
      ['/api/v2/findings', 404, /No such page/],
    ] as const) {
      const answer = await ask(path);
      const body = await text(answer);
      assert.equal(answer.statusCode, status, `${path}: ${body}`);
      assert.match(body, words);
      assert.match(body, /^[A-Z].*\.\n$/);
      assert.equal(answer.headers['content-type'], 'text/plain; charset=utf-8');
    }
  }
});

test('before there are two snapshots the history says so', async (t) => {
  for (const ask of await bothWays(t, createObserver())) {
    const answer = await ask('/api/v1/findings');
    assert.deepEqual(
      [answer.statusCode, await text(answer)],
      [404, 'There is no history yet: the agent has just started.\n'],
    );
  }
});

/** Leaves a socket behind, as a killed agent does. */
async function leaveSocket(path: string): Promise<void> {
  const server = createServer().listen(`${path}.new`);
  await once(server, 'listening');
  renameSync(`${path}.new`, path);
  server.close();
}

test('only its owner and root may open the socket; what a killed agent left is replaced, what another listens on is not', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'tapscope-api-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'run', 'agent.sock');
  const api = {
    takeSnapshot: async () => goldenSnapshot,
    observer: createObserver(),
    host: { kernel: '', version: '' },
  };
  const first = await startLocalApi(path, api);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  await assert.rejects(startLocalApi(path, api), /cannot be made \(another agent listens there\).*--socket\.$/);
  await first.close();
  await leaveSocket(path);
  const second = await startLocalApi(path, api);
  assert.ok(statSync(path).isSocket());
  await second.close();
  writeFileSync(path, 'not ours');
  await assert.rejects(startLocalApi(path, api), /cannot be made \(another file is there, and it is no socket\)/);
  assert.equal(readFileSync(path, 'utf8'), 'not ours');
  await assert.rejects(
    startLocalApi('/proc/tapscope/agent.sock', api),
    /^Error: the socket \/proc\/tapscope\/agent\.sock .*\.$/,
  );
});

test('a socket whose file or folder is removed is made again', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'tapscope-api-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'run', 'agent.sock');
  const host = { kernel: '', version: '' };
  const socket = await startLocalApi(path, {
    takeSnapshot: async () => goldenSnapshot,
    observer: createObserver(),
    host,
  });
  for (const removed of [path, join(folder, 'run')]) {
    rmSync(removed, { recursive: true });
    await until(async () => (await askSocket(path, '/api/v1/agent').catch(() => undefined))?.status === 200);
    assert.equal((await askSocket(path, '/api/v1/agent')).status, 200, removed);
    assert.equal(statSync(path).mode & 0o777, 0o600);
  }
  await socket.close();
  assert.equal(existsSync(path), false);
});
