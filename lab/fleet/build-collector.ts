// SPDX-License-Identifier: Apache-2.0
// npx tsx lab/fleet/build-collector.ts: builds the OpenTelemetry collector of the lab, once.
import { program } from '../../test/host/scope.ts';
import { provideCollector } from './otel-collector.ts';

await program(async () => {
  const missing = await provideCollector();
  if (missing) throw new Error(missing);
});
