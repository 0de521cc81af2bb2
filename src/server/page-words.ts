// SPDX-License-Identifier: Apache-2.0
// The last judgement as the live page has it without JavaScript: made when a browser asks, once for each judgement.
import { tell } from '../diagnosis/active-findings.ts';
import { queueRates } from '../diagnosis/queue-rates.ts';
import { answerOf } from '../diagnosis/status.ts';
import { renderPageText } from '../outputs/page-text.ts';
import type { Observation, Observer } from './observer.ts';

export function pageWords(observer: Pick<Observer, 'latest'>): () => string {
  let made: { readonly of: Observation; readonly text: string } | undefined;
  return () => {
    const latest = observer.latest();
    if (!latest) return '<p>The agent has judged nothing yet: reload in two seconds.</p>';
    if (made?.of !== latest) made = { of: latest, text: textOf(latest) };
    return made.text;
  };
}

function textOf({ window, lastSecond, standing, unjudged }: Observation): string {
  const findings = standing.map(tell);
  const queues = queueRates(lastSecond(), window);
  return renderPageText({ verdict: answerOf({ findings, unjudged }), findings, queues, takenAt: window.endedAt });
}
