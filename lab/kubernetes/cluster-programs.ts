// SPDX-License-Identifier: Apache-2.0
// What a Kubernetes without nodes is made of here, and what brings the chart there.
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { cachePath } from '../../test/host/cache-path.ts';
import { parseJson, textAt } from '../../test/host/checked-json.ts';
import { type Need, provide } from '../../test/host/need.ts';

const run = promisify(execFile);
export const KUBERNETES = 'v1.34.4';
const OPERATOR = 'github.com/prometheus-operator/prometheus-operator@v0.85.0';
/** The kinds of prometheus-operator that the chart uses. */
const KINDS = ['servicemonitors', 'prometheusrules'];

/** prometheus-operator's own files. */
export const CRDS: readonly string[] = KINDS.map((kind) =>
  cachePath(`programs/prometheus-operator-crd/monitoring.coreos.com_${kind}.yaml`),
);

const NEEDS: readonly Need[] = [
  { debian: 'etcd-server', file: 'etcd' },
  {
    module: 'k8s.io/kubernetes',
    version: KUBERNETES,
    published: 'v0.34.4',
    // The version that the server reports, by which Helm judges the chart's kubeVersion.
    ldflags: `-X k8s.io/component-base/version.gitVersion=${KUBERNETES}`,
    main: './cmd/kube-apiserver',
    file: 'kube-apiserver',
  },
  { go: 'helm.sh/helm/v3/cmd/helm@v3.19.5', builtAs: 'helm', file: 'helm' },
];

/** Builds what is missing, which takes half an hour on two slow cores. Returns why it cannot be had, or false. */
export async function provideCluster(): Promise<string | false> {
  if (!CRDS.every(existsSync)) await bringCrds();
  return provide(NEEDS);
}

async function bringCrds(): Promise<void> {
  const { stdout } = await run('go', ['mod', 'download', '-json', OPERATOR], { maxBuffer: 1 << 24 });
  const from = join(textAt(parseJson(stdout), 'Dir'), 'example/prometheus-operator-crd');
  const place = cachePath('programs/prometheus-operator-crd');
  await mkdir(cachePath('programs'), { recursive: true });
  await cp(from, `${place}.new`, { recursive: true });
  await rename(`${place}.new`, place);
}
