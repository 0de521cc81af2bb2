// SPDX-License-Identifier: Apache-2.0
// A moment in which this process can open no file.
import { execFileSync } from 'node:child_process';
import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs';

/** Free descriptors that are taken one by one: those below the highest that is open are used too. */
const ROOM = 100;

/** The limit is as it was when it returns, or throws. */
export function withoutDescriptors(work: () => void): void {
  const limit = (soft: number | string): unknown =>
    execFileSync('prlimit', [`--pid=${process.pid}`, `--nofile=${soft}:`]);
  const [, usual = ''] = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
  const taken: number[] = [];
  limit(readdirSync('/proc/self/fd').length + ROOM);
  try {
    takeAll(taken);
    work();
  } finally {
    for (const descriptor of taken) closeSync(descriptor);
    limit(usual);
  }
}

function takeAll(taken: number[]): void {
  try {
    for (;;) taken.push(openSync('/dev/null', 'r'));
  } catch {
    // None is left.
  }
}
