// SPDX-License-Identifier: Apache-2.0
// One scrape of an agent: how long it takes, and how many lines it has.
import { get } from 'node:http';

interface Scrape {
  readonly ms: number;
  readonly lines: number;
}

export function scrape(url: string): Promise<Scrape> {
  const began = performance.now();
  return new Promise((resolve, reject) => {
    get(`${url}/metrics`, { headers: { 'x-prometheus-scrape-timeout-seconds': '120' } }, (answer) => {
      let lines = 0;
      answer.on('data', (chunk: Buffer) => {
        for (const byte of chunk) if (byte === 10) lines += 1;
      });
      answer.once('error', reject);
      answer.once('end', () => resolve({ ms: performance.now() - began, lines }));
    }).once('error', reject);
  });
}
