// SPDX-License-Identifier: Apache-2.0
// Requests that get no page: what is asked of their words, and the one sentence that says what is wrong.
import type { FastifyReply, FastifySchemaValidationError } from 'fastify';
import { OutsideHistory } from '../history/history.ts';
import { sendLater, sendLine } from './reply-line.ts';

/** For fastify: the answer to words that validation.ts refuses. */
export const validation = {
  schemaErrorFormatter: ([first]: FastifySchemaValidationError[], where: string): Error => {
    const { instancePath = '', message = 'cannot be used', params = {} } = first ?? {};
    const word = instancePath.slice(1) || String(params.additionalProperty ?? where);
    return new Error(`"${word}" ${'additionalProperty' in params ? 'is not known here' : message}.`);
  },
};

/** The request asks for something that is not there; the message is the whole answer. */
class NotThere extends Error {}

export function notThere(sentence: string): Error {
  return new NotThere(sentence);
}

/** What is asked for is not to be had now; the message is the whole answer. */
class Later extends Error {}

export function later(sentence: string): Error {
  return new Later(sentence);
}

/** The request is understood, and the answer is that sentence: no figures can be given of what it asks for. */
class Unanswerable extends Error {}

export function unanswerable(sentence: string): Error {
  return new Unanswerable(sentence);
}

export type Failure = Error & { readonly statusCode?: number };

/** The status of an error: errors about bad requests, from us and from fastify, carry one. */
export function statusOf(error: Failure): number {
  if (error instanceof Later) return 503;
  if (error instanceof Unanswerable) return 422;
  return isWhole(error) ? 404 : (error.statusCode ?? 500);
}

export function sendError(reply: FastifyReply, error: Failure): FastifyReply {
  const status = statusOf(error);
  if (error instanceof Later) return sendLater(reply, 503, 1, error.message);
  if (isWhole(error)) return sendLine(reply, status, error.message);
  const line = `This page could not be made: ${error.message}`;
  return status === 429 ? sendLater(reply, status, 1, line) : sendLine(reply, status, line);
}

function isWhole(error: Failure): boolean {
  return error instanceof OutsideHistory || error instanceof NotThere || error instanceof Unanswerable;
}
