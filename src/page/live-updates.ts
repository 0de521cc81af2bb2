// SPDX-License-Identifier: Apache-2.0
// The stream of messages that the agent sends each second, and a warning when it ends.
import { type LateMessage, type LiveMessage, SCHEMA } from '../outputs/live-message.ts';
import { lasting } from './clock.ts';

/** After so long without a message the page says that its figures are old. */
const SILENCE_MS = 4000;
/** What is older is no answer any more. */
const OLDEST_SECONDS = 60;
/** The wait before the page connects again after a refusal. */
const AGAIN_MS = 5000;
const REFUSED = `The agent does not run, or refuses this live view; it is asked again every ${AGAIN_MS / 1000} s.`;

interface LiveHandlers {
  readonly message: (message: LiveMessage) => void;
  /** One sentence: the process that serves has had nothing newer for a while. */
  readonly late: (sentence: string) => void;
  /** One sentence; undefined: it is live. */
  readonly trouble: (sentence: string | undefined) => void;
}

/** The browser connects again by itself where no server answers, but not after an answer that is no stream: 503, or a proxy's 502. */
export function listen({ message, late, trouble }: LiveHandlers): void {
  let heardMs = performance.now();
  let isRefused = false;
  const watch = setInterval(() => {
    const seconds = Math.round((performance.now() - heardMs) / 1000);
    if (isRefused) trouble(REFUSED);
    else if (seconds * 1000 > SILENCE_MS) trouble(`The agent has said nothing for ${seconds} s; what is shown is old.`);
    else trouble(undefined);
  }, 1000);

  function connect(): void {
    const source = new EventSource('/api/v1/live');
    source.addEventListener('open', () => {
      isRefused = false;
    });
    source.addEventListener('message', ({ data }) => {
      heardMs = performance.now();
      const received: LiveMessage = JSON.parse(data);
      if (received.schema === SCHEMA) return message(received);
      source.close();
      clearInterval(watch);
      trouble('The agent is of another version than this page: reload it.');
    });
    source.addEventListener('late', ({ data }) => {
      heardMs = performance.now();
      const { age, load }: LateMessage = JSON.parse(data);
      const why = load === undefined ? 'is late or stopped' : `gets no CPU (${load})`;
      const sentence = `Judged ${lasting(age)} ago: the agent ${why}.`;
      if (age > OLDEST_SECONDS) trouble(sentence);
      else late(sentence);
    });
    source.addEventListener('error', () => {
      if (source.readyState !== EventSource.CLOSED) return;
      isRefused = true;
      setTimeout(connect, AGAIN_MS);
    });
  }

  connect();
}
