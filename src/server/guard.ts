// SPDX-License-Identifier: Apache-2.0
// Checks before every page: headers that protect browsers, the rate limit, the host name, the password, and only GET or HEAD.
import { fastifyBasicAuth } from '@fastify/basic-auth';
import type { FastifyInstance, FastifyReply } from 'fastify';
import type { HostCheck } from './host-check.ts';
import { sendLater, sendLine } from './reply-line.ts';
import { createRateLimit, type Rate, type RateLimit } from './request-limits.ts';
import { createPasswords, type Passwords } from './web-config/passwords.ts';
import type { WebConfig } from './web-config/web-config.ts';

export const NO_PAGE = 'No such page; / lists all pages.';

/** Limit of password hashes: a client that knows its password needs few. */
const guesses: Rate = { intervalMs: 1000, burst: 10 };

export const usualHeaders: Readonly<Record<string, string>> = {
  'x-content-type-options': 'nosniff',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
};

interface Guard {
  readonly install: (app: FastifyInstance) => Promise<void>;
  /** Adds the headers to an answer to a request so broken that no hook sees it. */
  readonly addHeaders: (reply: FastifyReply) => void;
  /** The config was read anew. */
  readonly use: (config: WebConfig) => void;
}

export function createGuard(config: WebConfig, checkHost: HostCheck): Guard {
  const attempts = createRateLimit(guesses, () => performance.now());
  let checks = checksOf(config);
  const addHeaders = (reply: FastifyReply): void => {
    reply.headers(checks.headers);
  };

  async function install(app: FastifyInstance): Promise<void> {
    app.addHook('onRequest', async ({ ip }, reply) => {
      addHeaders(reply);
      const seconds = checks.requests.take(ip);
      return seconds === 0 ? undefined : sendLater(reply, 429, seconds, 'This address asks too often; wait a moment.');
    });
    app.addHook('onRequest', async ({ headers }, reply) => {
      const refused = checkHost(headers, checks.isProtected);
      return refused === undefined ? undefined : sendLine(reply, refused.status, refused.line);
    });
    await app.register(fastifyBasicAuth, {
      authenticate: { realm: 'tapscope' },
      validate: (user, password, { ip }) => validate(checks.passwords, attempts, { user, password, ip }),
    });
    app.addHook('onRequest', (request, reply, done) => {
      if (checks.users) app.basicAuth.call(app, request, reply, done);
      else done();
    });
    // Here, so that no request's body is ever read: of a page that is not there either.
    app.addHook('onRequest', async ({ method, url }, reply) => {
      const page = url.split('?')[0] ?? '';
      if (method === 'GET' || method === 'HEAD') return undefined;
      if (!app.hasRoute({ method: 'GET', url: page })) return sendLine(reply, 404, NO_PAGE);
      return sendLine(reply.header('allow', 'GET, HEAD'), 405, 'This page can only be read, by GET or HEAD.');
    });
  }

  return {
    install,
    addHeaders,
    use: (next) => {
      checks = checksOf(next);
    },
  };
}

interface Checks {
  readonly users: boolean;
  /** A certificate or a password protects the server. */
  readonly isProtected: boolean;
  readonly requests: RateLimit;
  readonly passwords: Passwords;
  readonly headers: Readonly<Record<string, string>>;
}

function checksOf({ users, headers, rate, tls }: WebConfig): Checks {
  const all = Object.entries({ ...usualHeaders, ...Object.fromEntries(headers) });
  return {
    users: users.size > 0,
    isProtected: users.size > 0 || tls !== undefined,
    requests: createRateLimit(rate, () => performance.now()),
    passwords: createPasswords(users),
    headers: Object.fromEntries(all.filter(([, text]) => text !== '')),
  };
}

interface Guess {
  readonly user: string;
  readonly password: string;
  readonly ip: string;
}

async function validate(passwords: Passwords, attempts: RateLimit, { user, password, ip }: Guess): Promise<void> {
  const known = passwords.known(user, password);
  if (known === undefined && attempts.take(ip) > 0) throw refusal(429, 'this address tries too many passwords');
  const right = known ?? (await passwords.check(user, password));
  if (right === undefined) throw refusal(429, 'too many passwords are being checked');
  if (!right) throw refusal(401, 'name or password is wrong');
}

function refusal(statusCode: number, message: string): Error {
  return Object.assign(new Error(message), { statusCode });
}
