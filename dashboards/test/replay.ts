// SPDX-License-Identifier: Apache-2.0
// A host that is no more: serves its recorded pages at their pace, each value with its own time, so that late scrapes bend no rate.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { pagesOf, timesOf } from './recording.ts';

interface Replay {
  /** host:port */
  readonly instance: string;
  /** The time of its pages, in seconds since 1970. Afterwards it repeats the last page. */
  readonly span: { readonly from: number; readonly to: number };
}

/** The time until a Prometheus scrapes, so that it misses no page. */
const FIRST_AFTER_S = 2;

export async function startReplay(
  t: { after(undo: () => Promise<unknown>): void },
  recording: string,
): Promise<Replay> {
  const pages = pagesOf(recording);
  const times = timesOf(recording);
  const from = Date.now() / 1000 + FIRST_AFTER_S;
  const server = createServer((_, answer) => {
    const now = Date.now() / 1000 - from;
    const index = times.findLastIndex((time) => time <= now);
    const page = pages[index] ?? '';
    const moment = Math.round(1000 * (from + (times[index] ?? 0)));
    answer.setHeader('Content-Type', 'text/plain; version=0.0.4');
    answer.end(index < pages.length - 1 ? page.replaceAll('\n', ` ${moment}\n`) : page);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(async () => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('The recording has no port to be served at.');
  return { instance: `127.0.0.1:${address.port}`, span: { from, to: from + (times.at(-1) ?? 0) } };
}
