// SPDX-License-Identifier: Apache-2.0
// The live page at / and the two files it needs, read once, when the server starts. In the page is what a browser without JavaScript shows.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { FastifyInstance } from 'fastify';
import { usualHeaders } from './guard.ts';
import { endWithin } from './time-limit.ts';

const PAGE = 'page.html';
const TEXT = '<!--text-->';
const WITHIN_MS = 30_000;
const FILES = [
  { url: '/', file: PAGE, type: 'text/html; charset=utf-8' },
  { url: '/page.js', file: 'page.js', type: 'text/javascript; charset=utf-8' },
  { url: '/page.css', file: 'page.css', type: 'text/css; charset=utf-8' },
];

const POLICY_HEADER = 'content-security-policy';
/** Everything is the agent's own; data: is the icon that there is not. */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

interface Packed {
  readonly plain: Buffer;
  readonly packed: Buffer;
  readonly tag: string;
}

/** `folder`: where the build put the page. Throws if it is not there. `text`: HTML of what was judged last, the same text until the next judgement. */
export function addLivePage(app: FastifyInstance, folder: string, text: () => string): void {
  for (const { url, file, type } of FILES) {
    const content = readFileSync(join(folder, file));
    const [before = content, after] = file === PAGE ? content.toString().split(TEXT) : [];
    // At the first request: the agent's start waits for none.
    let unchanged: Packed | undefined;
    const fixed = (): Packed => {
      unchanged ??= pack(content);
      return unchanged;
    };
    let latest: { readonly text: string; readonly packed: Packed } | undefined;
    const filled = (): Packed => {
      const now = text();
      if (latest?.text !== now) latest = { text: now, packed: pack(Buffer.from(`${before}${now}${after}`)) };
      return latest.packed;
    };
    app.get(url, (request, reply) => {
      endWithin(reply, WITHIN_MS);
      const { plain, packed, tag } = after === undefined ? fixed() : filled();
      // A web config may have set its own.
      if (reply.getHeader(POLICY_HEADER) === usualHeaders[POLICY_HEADER]) reply.header(POLICY_HEADER, POLICY);
      // Asked again each time: an upgraded agent has other files under the same names.
      reply.headers({ 'content-type': type, etag: tag, 'cache-control': 'no-cache', vary: 'accept-encoding' });
      if (request.headers['if-none-match'] === tag) return reply.code(304).send();
      const isPacked = /\bgzip\b/.test(request.headers['accept-encoding'] ?? '');
      return isPacked ? reply.header('content-encoding', 'gzip').send(packed) : reply.send(plain);
    });
  }
}

function pack(plain: Buffer): Packed {
  const tag = `"${createHash('sha256').update(plain).digest('base64url').slice(0, 22)}"`;
  return { plain, packed: gzipSync(plain), tag };
}
