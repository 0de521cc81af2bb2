// SPDX-License-Identifier: Apache-2.0
// `tapscope fleet`: asks a Prometheus, Thanos or VictoriaMetrics about all hosts; runs anywhere, without root.

import { EXIT_CODES } from '../diagnosis/status.ts';
import { answerOfFleet, lookAtFleet } from '../fleet/fleet-state.ts';
import { endpointOf } from '../fleet/prometheus-api.ts';
import { renderFleet } from '../outputs/fleet-text.ts';
import { escapedJson } from '../snapshot/visible.ts';
import { parseDuration } from './options/duration.ts';
import { layoutOf } from './terminal/terminal.ts';

interface FleetOptions {
  readonly url: string;
  /** How far back, as `parseDuration` takes it. */
  readonly since: string;
  readonly headers: readonly string[];
  readonly json: boolean;
}

const LIMITS = { least: 60, most: 30 * 86_400 };
/** A query; the engines' own limit is two minutes. */
const TIMEOUT_MS = 30_000;

/** Exit code as `check`. */
export async function fleet({ url, since, headers, json }: FleetOptions): Promise<number> {
  const seconds = parseDuration('--since', since, LIMITS);
  const seen = await lookAtFleet(endpointOf(url, headers, TIMEOUT_MS), seconds);
  const answer = answerOfFleet(seen);
  const told = (): string => `${escapedJson(JSON.stringify({ schema: 1, verdict: answer, ...seen }, null, 2))}\n`;
  process.stdout.write(json ? told() : renderFleet(seen, layoutOf(process.stdout)));
  return EXIT_CODES[answer];
}
