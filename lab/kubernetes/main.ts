// SPDX-License-Identifier: Apache-2.0
// npx tsx lab/kubernetes/main.ts: a kube-apiserver with the CRDs of prometheus-operator on this machine, until Ctrl-C. Builds what is missing.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startApiServer } from './api-server.ts';
import { provideCluster } from './cluster-programs.ts';
import { installCrds } from './server-side-apply.ts';

const undo: (() => Promise<unknown>)[] = [];

async function main(): Promise<void> {
  const missing = await provideCluster();
  if (missing) throw new Error(`No Kubernetes can run here: ${missing}`);
  const folder = mkdtempSync(join(tmpdir(), 'tapscope-kubernetes-'));
  undo.push(async () => rmSync(folder, { recursive: true, force: true }));
  const server = await startApiServer({ after: (step) => void undo.unshift(step) }, folder);
  await installCrds(server);
  console.log(`export KUBECONFIG=${server.kubeconfig}\nUntil Ctrl-C; logs beside it.`);
  await new Promise((done) => process.once('SIGINT', done).once('SIGTERM', done));
}

await main()
  .catch((error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  })
  .finally(async () => {
    for (const step of undo) await step();
  });
