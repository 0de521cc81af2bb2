// SPDX-License-Identifier: Apache-2.0
// A program to its end: its output, or an error with what it said.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

export const run = promisify(execFile);
