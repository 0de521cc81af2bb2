// SPDX-License-Identifier: Apache-2.0
// The last judgement as the live page has it without JavaScript: made when a browser asks, once for each judgement.
import { report } from '../diagnosis/active-findings.ts';
import { queueRates } from '../diagnosis/queue-rates.ts';
import { statusOf } from '../diagnosis/status.ts';
import { renderPageText } from '../outputs/page-text.ts';
import type { Observation, Observer } from './observer.ts';

export function pageWords(observer: Pick<Observer, 'latest'>): () => string {
  let made: { readonly of: Observation; readonly text: string } | undefined;
  return () => {
    const latest = observer.latest();
    if (!latest) return '<p>The agent has no findings yet: reload in two seconds.</p>';
    if (made?.of !== latest) made = { of: latest, text: textOf(latest) };
    return made.text;
  };
}

function textOf({ window, lastSecond, active, unjudged }: Observation): string {
  const findings = active.map(report);
  const queues = queueRates(lastSecond(), window);
  return renderPageText({
    verdict: statusOf({ findings, unjudged }),
    findings,
    queues,
    takenAt: window.endedAt,
    hiddenDevices: window.agent.hiddenDevices,
  });
}
