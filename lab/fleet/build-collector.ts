// SPDX-License-Identifier: Apache-2.0
// npx tsx lab/fleet/build-collector.ts: builds the OpenTelemetry collector of the lab, once.
import { provideCollector } from './otel-collector.ts';

const missing = await provideCollector();
if (missing) {
  console.error(missing);
  process.exitCode = 1;
}
