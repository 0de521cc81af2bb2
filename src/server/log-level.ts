// SPDX-License-Identifier: Apache-2.0
// How much of requests is logged, as Fastify's logger names it.
export type LogLevel = 'silent' | 'error' | 'warn' | 'info' | 'debug';

export const logLevels: readonly LogLevel[] = ['silent', 'error', 'warn', 'info', 'debug'];
