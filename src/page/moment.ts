// SPDX-License-Identifier: Apache-2.0
// A moment of the last half hour, kept in the address: /?at=1795000000#/queue/…
import type { LiveMessage } from '../outputs/live-message.ts';
import { localTime } from './clock.ts';

/** Unix time, seconds; undefined: live. */
export function momentOf(search: string): number | undefined {
  const text = new URLSearchParams(search).get('at');
  const at = text === null || text === '' ? Number.NaN : Number(text);
  return Number.isFinite(at) && at > 0 ? at : undefined;
}

export function linkTo(at: number | undefined, fragment: string): string {
  return `${location.pathname}${at === undefined ? '' : `?at=${Math.round(at)}`}${fragment}`;
}

/** The page's content at that time. Throws an Error whose message is for the reader. */
export async function fetchMoment(at: number): Promise<LiveMessage> {
  const [findings, queues] = await Promise.all([asked(`findings?at=${at}`), asked(`queues?at=${at}`)]);
  return { ...findings, ...queues };
}

async function asked(path: string): Promise<LiveMessage> {
  const answer = await fetch(`/api/v1/${path}`).catch(() => undefined);
  if (answer?.ok) return await answer.json();
  const reason = answer ? (await answer.text()).trim() : 'The agent does not answer.';
  throw new Error(`${localTime(Number(path.split('=')[1]))} cannot be shown. ${reason}`);
}
