// SPDX-License-Identifier: Apache-2.0
// npx tsx lab/kubernetes/main.ts: a kube-apiserver with the CRDs of prometheus-operator on this machine, until Ctrl-C. Builds what is missing.
import { temporaryFolder } from '../../test/agent/certificates.ts';
import { program } from '../../test/host/scope.ts';
import { installCrds, provideCluster, startApiServer } from './api-server.ts';

await program(async (_, t) => {
  const missing = await provideCluster();
  if (missing) throw new Error(`No Kubernetes can run here: ${missing}`);
  const folder = temporaryFolder(t);
  const server = await startApiServer(t, folder);
  await installCrds(server);
  console.log(`export KUBECONFIG=${server.kubeconfig}\nUntil Ctrl-C; logs beside it.`);
  await new Promise((done) => process.once('SIGINT', done).once('SIGTERM', done));
});
