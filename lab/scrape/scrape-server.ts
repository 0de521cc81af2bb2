// SPDX-License-Identifier: Apache-2.0
// node lab/scrape/scrape-server.ts MAKER SERIES: serves the page to a parent process, which asks by IPC how its event loop did meanwhile.
import { createServer } from 'node:http';
import { join } from 'node:path';
import { pipeline, Readable } from 'node:stream';
import { createGzip } from 'node:zlib';
import { packageRoot } from '../../src/kernel/package.ts';
import { keepHeapSmall } from '../../src/kernel/processes/small-heap.ts';
import { createObserver } from '../../src/server/observer.ts';
import { startServer } from '../../src/server/server.ts';
import { heardLog } from '../../test/agent/heard-log.ts';
import { type LoopReport, watchEventLoop } from '../../test/host/event-loop.ts';
import { hostOf, prometheusOptions } from '../../test/snapshots/made-up-host.ts';
import { type Maker, pageMaker } from './page-maker.ts';

async function serve(maker: Maker, series: number): Promise<number> {
  const snapshot = hostOf(series);
  if (maker === 'tapscope') {
    const options = {
      listen: { host: '127.0.0.1', port: 0 },
      allowedHosts: [],
    } as const;
    const server = await startServer(
      { ...options, prometheus: prometheusOptions, pageFolder: join(packageRoot(), 'dist/src/page') },
      { takeSnapshot: async () => snapshot, log: heardLog(), observer: createObserver(), notReady: () => undefined },
    );
    return Number(server.address.split(':').at(-1));
  }
  const makePage = await pageMaker(maker, snapshot);
  const server = createServer((request, response) => {
    const page = Readable.from(makePage(), { objectMode: false });
    if (request.headers['accept-encoding'] !== 'gzip') return pipeline(page, response, () => undefined);
    response.setHeader('content-encoding', 'gzip');
    return pipeline(page, createGzip({ level: 1 }), response, () => undefined);
  });
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : 0);
    });
  });
}

keepHeapSmall();
let finish: (() => LoopReport) | undefined;

process.on('message', (word) => {
  if (word === 'end') {
    process.send?.(finish?.());
    return;
  }
  finish = watchEventLoop();
  // The timer's first turn is where the next is measured from.
  setTimeout(() => process.send?.('begun'), 5);
});

const [maker = '', series = ''] = process.argv.slice(2);
process.send?.(await serve(maker === 'prom-client' ? maker : 'tapscope', Number(series)));
