// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// A real server on a free port of 127.0.0.1, asked over HTTP.

import assert from 'node:assert/strict';
import { get } from 'node:http';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { heardLog } from '../../test/agent/heard-log.ts';
import { slowness } from '../../test/host/slowness.ts';
import { goldenBuild, goldenSnapshot } from '../../test/snapshots/golden-snapshot.ts';
import { packageRoot } from '../kernel/package.ts';
import type { Device } from '../snapshot/device.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import { createObserver } from './observer.ts';
import { type ServerDependencies, type ServerOptions, startServer } from './server.ts';

const options: ServerOptions = {
  listen: { host: '127.0.0.1', port: 0 },
  allowedHosts: [],
  prometheus: { detail: 'queue', build: goldenBuild },
  pageFolder: join(packageRoot(), 'dist/src/page'),
};

async function serve(t: TestContext, dependencies: Partial<ServerDependencies> = {}): Promise<string> {
  const takeSnapshot = async () => ({ ...goldenSnapshot, takenAt: Date.now() / 1000 });
  const server = await startServer(options, {
    takeSnapshot,
    log: heardLog(),
    observer: createObserver(),
    notReady: () => undefined,
    ...dependencies,
  });
  t.after(() => server.close());
  return `http://${server.address}`;
}

function sampleOf(page: string, series: string): number {
  const line = page.split('\n').find((candidate) => candidate.startsWith(`${series} `));
  assert.ok(line !== undefined, `no ${series}`);
  return Number(line.slice(series.length));
}

const text = 'text/plain; version=0.0.4; charset=utf-8';
const openMetrics = 'application/openmetrics-text; version=1.0.0; charset=utf-8';

test('/metrics comes as asked for', async (t) => {
  const url = `${await serve(t)}/metrics`;
  for (const [accept, type] of [
    ['*/*', text],
    ['application/openmetrics-text;version=1.0.0', openMetrics],
  ] as const) {
    for (const encoding of ['gzip', 'identity']) {
      const response = await fetch(url, { headers: { accept, 'accept-encoding': encoding } });
      const page = await response.text();
      assert.equal(response.status, 200);
      assert.equal(response.headers.get('content-type'), type);
      assert.equal(response.headers.get('content-encoding'), encoding === 'gzip' ? 'gzip' : null);
      assert.equal(response.headers.get('x-content-type-options'), 'nosniff');
      assert.equal(page.endsWith('# EOF\n'), type === openMetrics);
      assert.equal(
        sampleOf(page, 'tapscope_queue_offered_packets_total{netns="4026531840",device="tap0",queue="1"}'),
        1000,
      );
      assert.ok(sampleOf(page, 'process_resident_memory_bytes') > 0);
      assert.ok(sampleOf(page, 'tapscope_snapshot_age_seconds') < 5);
    }
  }
});

test('findings that stand are on the page', async (t) => {
  const observer = createObserver();
  const now = Date.now() / 1000;
  for (const age of [2, 1, 0]) observer.see({ ...goldenSnapshot, takenAt: now - age });
  const active = observer.active(now);
  assert.ok(active.length > 0);
  const page = await (await fetch(`${await serve(t, { observer })}/metrics`)).text();
  for (const { rule, severity, netns, device, queue } of active) {
    const place = `netns="${netns ?? ''}",device="${device ?? ''}",queue="${queue ?? ''}"`;
    assert.equal(sampleOf(page, `tapscope_finding{rule="${rule}",severity="${severity}",${place}}`), 1);
  }
});

test('HEAD says the same without the page', async (t) => {
  const base = await serve(t);
  for (const [path, type] of [
    ['/metrics', text],
    ['/', 'text/html; charset=utf-8'],
    ['/-/healthy', 'text/plain; charset=utf-8'],
  ]) {
    const response = await fetch(`${base}${path}`, { method: 'HEAD' });
    assert.deepEqual([response.status, response.headers.get('content-type'), await response.text()], [200, type, '']);
  }
});

test('the live page is the agent’s own, packed, and not sent again while it is the same', async (t) => {
  const base = await serve(t);
  for (const [path, type] of [
    ['/', 'text/html; charset=utf-8'],
    ['/page.js', 'text/javascript; charset=utf-8'],
    ['/page.css', 'text/css; charset=utf-8'],
  ] as const) {
    const response = await fetch(`${base}${path}`);
    assert.equal(response.headers.get('content-type'), type);
    assert.equal(response.headers.get('content-encoding'), 'gzip');
    assert.match(response.headers.get('content-security-policy') ?? '', /^default-src 'none'; script-src 'self'; /);
    const tag = response.headers.get('etag') ?? '';
    const plain = await fetch(`${base}${path}`, { headers: { 'accept-encoding': 'identity' } });
    assert.equal(await plain.text(), await response.text());
    const again = await fetch(`${base}${path}`, { headers: { 'if-none-match': tag } });
    assert.deepEqual([again.status, await again.text()], [304, '']);
  }
});

test('every other page is one sentence', async (t) => {
  const base = await serve(t);
  for (const [method, path, status] of [
    ['GET', '/metrics/', 404],
    ['GET', '/Metrics', 404],
    ['GET', '/favicon.ico', 404],
    ['GET', '/-/', 404],
    ['GET', '/..%2fetc/passwd', 404],
    ['POST', '/metrics', 405],
    ['PUT', '/', 405],
    ['DELETE', '/nothing', 404],
    ['GET', '/%zz', 400],
  ] as const) {
    const response = await fetch(`${base}${path}`, { method });
    const body = await response.text();
    assert.equal(response.status, status, path);
    assert.match(body, /^[A-Z].*\n$/);
    assert.equal(response.headers.get('content-type'), 'text/plain; charset=utf-8');
  }
});

test('alive from the start, ready when the mechanisms are decided', async (t) => {
  let reason: string | undefined = 'no snapshot was taken yet';
  const base = await serve(t, { notReady: () => reason });
  assert.equal((await fetch(`${base}/-/healthy`)).status, 200);
  const early = await fetch(`${base}/-/ready`);
  assert.deepEqual([early.status, await early.text()], [503, 'tapscope is not ready: no snapshot was taken yet\n']);
  reason = undefined;
  assert.equal((await fetch(`${base}/-/ready`)).status, 200);
});

test('without a snapshot there is no page: 503 and one sentence, and it counts', async (t) => {
  let failing = true;
  const takeSnapshot = async () => {
    if (failing) throw new Error('the walk derailed');
    return goldenSnapshot;
  };
  const url = `${await serve(t, { takeSnapshot })}/metrics`;
  const first = await fetch(url, { headers: { 'accept-encoding': 'gzip' } });
  assert.deepEqual([first.status, first.headers.get('retry-after')], [503, '1']);
  assert.equal(await first.text(), 'There is no snapshot to show: the walk derailed.\n');
  failing = false;
  const page = await (await fetch(url)).text();
  assert.ok(page.includes('device="tap0"'));
  assert.equal(sampleOf(page, 'tapscope_snapshot_errors_total'), 1);
});

test('a page says how old its snapshot is', async (t) => {
  const takeSnapshot = async () => ({ ...goldenSnapshot, takenAt: Date.now() / 1000 - 42 });
  const page = await (await fetch(`${await serve(t, { takeSnapshot })}/metrics`)).text();
  const age = sampleOf(page, 'tapscope_snapshot_age_seconds');
  assert.ok(age >= 42 && age < 50, `${age} s`);
});

test('a snapshot that hangs does not hang the scrape', async (t) => {
  const takeSnapshot = () => new Promise<Snapshot>(() => undefined);
  const url = `${await serve(t, { takeSnapshot })}/metrics`;
  const response = await fetch(url, { headers: { 'x-prometheus-scrape-timeout-seconds': '3' } });
  assert.equal(response.status, 503);
  assert.equal(await response.text(), 'There is no snapshot to show: it took more than 2.7 s.\n');
});

test('a scrape that waits for no time is refused, and counts as no error of the agent', async (t) => {
  const url = `${await serve(t)}/metrics`;
  for (const seconds of ['0.001', '0.05']) {
    const hasty = await fetch(url, { headers: { 'x-prometheus-scrape-timeout-seconds': seconds } });
    assert.equal(hasty.status, 400);
    assert.match(
      await hasty.text(),
      /^A scrape timeout of 0\.0\d+ s is shorter than any answer takes: set scrape_timeout /,
    );
  }
  assert.equal(sampleOf(await (await fetch(url)).text(), 'tapscope_snapshot_errors_total'), 0);
});

test('a page that cannot be made at all is an error of one sentence', async (t) => {
  const broken = goldenSnapshot.devices.map((device): Device => {
    return Object.defineProperty({ ...device }, 'queues', {
      get: () => {
        throw new Error('queues are gone');
      },
    });
  });
  const response = await fetch(
    `${await serve(t, { takeSnapshot: async () => ({ ...goldenSnapshot, devices: broken }) })}/metrics`,
  );
  assert.deepEqual([response.status, await response.text()], [500, 'This page could not be made: queues are gone\n']);
});

test('concurrent scrapes share snapshots', async (t) => {
  let taken = 0;
  // Longer than all twenty take to arrive.
  const lastsMs = 100 * (await slowness());
  const takeSnapshot = async () => {
    taken += 1;
    await setTimeout(lastsMs);
    return goldenSnapshot;
  };
  const url = `${await serve(t, { takeSnapshot })}/metrics`;
  const pages = await Promise.all(Array.from({ length: 20 }, async () => (await fetch(url)).text()));
  assert.ok(pages.every((page) => page.includes('device="tap0"')));
  assert.ok(taken >= 1 && taken <= 3, `${taken} snapshots`);
});

test('concurrent scrapes share the page, each form of it', async (t) => {
  let looked = 0;
  const devices = goldenSnapshot.devices.slice(0, 1).map((device): Device => {
    return Object.defineProperty({ ...device }, 'up', {
      get: () => {
        looked += 1;
        return true;
      },
    });
  });
  const takeSnapshot = async () => {
    await setTimeout(300);
    return { ...goldenSnapshot, devices };
  };
  const url = `${await serve(t, { takeSnapshot })}/metrics`;
  await (await fetch(url)).text();
  const once = looked;
  const accepts = ['text/plain', 'application/openmetrics-text'];
  const pages = await Promise.all(
    Array.from({ length: 20 }, async (_, index) => {
      const headers = { accept: accepts[index % 2] ?? '', 'accept-encoding': index % 3 === 0 ? 'gzip' : 'identity' };
      return (await fetch(url, { headers })).text();
    }),
  );
  assert.ok(
    pages.every((page, index) => page.includes('device="tap0"') && page.endsWith('# EOF\n') === (index % 2 === 1)),
  );
  // Two snapshots at most, the first and that of all who came meanwhile, of which two pages each.
  assert.ok(looked - once <= 2 * 2 * once, `${looked - once} looks, ${once} for one page`);
});

test('a client that goes away in the middle of a long page harms no other client', async (t) => {
  const devices = goldenSnapshot.devices.flatMap((device) =>
    Array.from({ length: 500 }, (_, index) => ({ ...device, id: `${device.id}${index}`, name: `tap${index}` })),
  );
  const url = `${await serve(t, { takeSnapshot: async () => ({ ...goldenSnapshot, devices }) })}/metrics`;
  for (const encoding of ['gzip', 'identity']) {
    await new Promise<void>((resolve, reject) => {
      const request = get(url, { headers: { 'accept-encoding': encoding } }, (response) => {
        response.once('data', () => response.destroy());
        response.once('close', resolve);
      });
      request.once('error', reject);
    });
  }
  assert.ok((await (await fetch(url)).text()).includes('device="tap499"'));
});

test('a port in use is said in one sentence', async (t) => {
  const port = Number(new URL(await serve(t)).port);
  const again = { ...options, listen: { host: '127.0.0.1', port } };
  await assert.rejects(
    startServer(again, {
      takeSnapshot: async () => goldenSnapshot,
      log: heardLog(),
      observer: createObserver(),
      notReady: () => undefined,
    }),
    {
      message: `cannot listen on 127.0.0.1:${port}: another program listens there already; "ss -ltnp sport = :${port}" names it: stop it, or choose another with --web.listen-address.`,
    },
  );
});

test('every address means IPv4 too', async (t) => {
  const listen = { host: undefined, port: 0 };
  const server = await startServer(
    { ...options, listen },
    {
      takeSnapshot: async () => goldenSnapshot,
      log: heardLog(),
      observer: createObserver(),
      notReady: () => undefined,
    },
  );
  t.after(() => server.close());
  assert.match(server.address, /^:\d+$/);
  assert.equal((await fetch(`http://127.0.0.1${server.address}/-/healthy`)).status, 200);
});

test('closing lets a running scrape finish, but waits for no idle connection', async () => {
  let began = (): void => undefined;
  const running = new Promise<void>((resolve) => {
    began = resolve;
  });
  const takeSnapshot = async () => {
    began();
    await setTimeout(300);
    return goldenSnapshot;
  };
  const server = await startServer(options, {
    takeSnapshot,
    log: heardLog(),
    observer: createObserver(),
    notReady: () => undefined,
  });
  const page = fetch(`http://${server.address}/metrics`).then((response) => response.text());
  await running;
  const before = Date.now();
  await server.close();
  assert.ok((await page).includes('device="tap0"'));
  assert.ok(Date.now() - before < 1500);
});
