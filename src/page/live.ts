// SPDX-License-Identifier: Apache-2.0
// What the agent sends each second, and whether it still does.
import { type LiveMessage, SCHEMA } from '../outputs/live.ts';

/** So long without a word, and what is shown is old. */
const SILENCE_MS = 4000;

export interface LiveHandlers {
  readonly message: (message: LiveMessage) => void;
  /** One sentence; undefined: it is live. */
  readonly trouble: (sentence: string | undefined) => void;
}

/** The browser connects again by itself when the agent comes back. */
export function listen({ message, trouble }: LiveHandlers): void {
  const source = new EventSource('/api/v1/live');
  let heardMs = performance.now();
  source.addEventListener('message', ({ data }) => {
    heardMs = performance.now();
    const received: LiveMessage = JSON.parse(data);
    if (received.schema === SCHEMA) return message(received);
    source.close();
    trouble('The agent is of another version than this page: reload it.');
  });
  setInterval(() => {
    if (source.readyState === EventSource.CLOSED) return;
    const seconds = Math.round((performance.now() - heardMs) / 1000);
    trouble(
      seconds * 1000 > SILENCE_MS ? `The agent has said nothing for ${seconds} s; what is shown is old.` : undefined,
    );
  }, 1000);
}
