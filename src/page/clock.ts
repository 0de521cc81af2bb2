// SPDX-License-Identifier: Apache-2.0
// Times as people need them: how long ago, what their own clock said, and exactly.
import { element, say } from './element.ts';

const LOCAL = new Intl.DateTimeFormat([], { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' });

/** 14:03:05, in the reader's time zone. */
export function localTime(unixSeconds: number): string {
  return LOCAL.format(new Date(unixSeconds * 1000));
}

/** 2026-11-23T06:22:27Z */
export function exactTime(unixSeconds: number): string {
  return new Date(unixSeconds * 1000).toISOString().replace(/\.\d+/, '');
}

/** 12 s, 3 min, 2 h */
export function lasting(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 100) return `${whole} s`;
  if (whole < 5400) return `${Math.round(whole / 60)} min`;
  return `${Math.round(whole / 3600)} h`;
}

/** An element that says `text`, with the local and the exact time on hover. */
export function timeElement(className: string): HTMLTimeElement {
  return element('time', { class: className });
}

export function sayTime(node: HTMLTimeElement, unixSeconds: number, text: string): void {
  say(node, text);
  const exact = exactTime(unixSeconds);
  if (node.dateTime === exact) return;
  node.dateTime = exact;
  node.title = `${localTime(unixSeconds)} here, ${exact}`;
}
