// SPDX-License-Identifier: Apache-2.0
// The two processes of an agent, as the one that counts knows them.

/** The process of an agent that counts; another one answers requests. */
export interface CountingProcess {
  /** How often that one ended and was started again. */
  readonly servingRestarts: number;
  readonly cpuSeconds: number;
  readonly residentBytes: number;
}
