// SPDX-License-Identifier: Apache-2.0
// What `helm template` makes of the chart, and `kubectl apply --server-side`, whose --dry-run=server lets the API server do all but keep it.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { parseAllDocuments } from 'yaml';
import { at, listAt, parseJson, textAt } from '../../test/host/checked-json.ts';
import { pathOf } from '../../test/host/need.ts';
import type { Answer, ApiServer } from './api-server.ts';
import { CRDS, KUBERNETES } from './cluster-programs.ts';

export const CHART = 'deploy/kubernetes/tapscope';
export const NAMESPACE = 'tapscope';

/** Where the API server keeps objects of each kind. */
const PLACES: Readonly<Record<string, string>> = {
  ConfigMap: 'api/v1/namespaces/NS/configmaps',
  CustomResourceDefinition: 'apis/apiextensions.k8s.io/v1/customresourcedefinitions',
  DaemonSet: 'apis/apps/v1/namespaces/NS/daemonsets',
  Namespace: 'api/v1/namespaces',
  Pod: 'api/v1/namespaces/NS/pods',
  PrometheusRule: 'apis/monitoring.coreos.com/v1/namespaces/NS/prometheusrules',
  Service: 'api/v1/namespaces/NS/services',
  ServiceAccount: 'api/v1/namespaces/NS/serviceaccounts',
  ServiceMonitor: 'apis/monitoring.coreos.com/v1/namespaces/NS/servicemonitors',
};

/** Runs helm; throws what it said. */
export function helm(words: readonly string[], env: NodeJS.ProcessEnv = {}): string {
  return execFileSync(pathOf('helm') ?? 'helm', words, {
    encoding: 'utf8',
    stdio: 'pipe',
    env: { ...process.env, ...env },
  });
}

/** The objects of the chart with these values, as in `--set NAME=VALUE`. */
export function objectsOf(values: readonly string[]): readonly unknown[] {
  const sets = values.flatMap((value) => ['--set', value]);
  // Built as a module, Helm takes the cluster for an ancient one unless it is told.
  const text = helm(['template', 'tapscope', CHART, '--namespace', NAMESPACE, '--kube-version', KUBERNETES, ...sets]);
  return parseAllDocuments(text)
    .map((document): unknown => document.toJS())
    .filter((object) => object !== null);
}

/** fieldValidation=Strict: what kubectl asks for too; a field that the API does not know is an error. */
export async function apply(server: ApiServer, object: unknown, dryRun: boolean): Promise<Answer> {
  const place = PLACES[textAt(object, 'kind')]?.replace('NS', String(at(object, 'metadata', 'namespace')));
  if (!place) throw new Error(`Where objects of the kind ${textAt(object, 'kind')} are kept is not known here.`);
  const asked = `fieldManager=lab&fieldValidation=Strict&force=true${dryRun ? '&dryRun=All' : ''}`;
  const path = `/${place}/${textAt(object, 'metadata', 'name')}?${asked}`;
  return server.ask('PATCH', path, JSON.stringify(object), 'application/apply-patch+yaml');
}

export async function installCrds(server: ApiServer): Promise<void> {
  for (const file of CRDS) {
    const [crd] = parseAllDocuments(readFileSync(file, 'utf8')).map((document): unknown => document.toJS());
    const { status, body } = await apply(server, crd, false);
    if (status > 201) throw new Error(`${file}: ${body}`);
    await established(server, textAt(crd, 'metadata', 'name'));
  }
}

/** Waits until the server lists the kind for its clients: helm asks there whether a kind exists. */
async function established(server: ApiServer, name: string): Promise<void> {
  for (let tries = 0; tries < 300; tries++) {
    const { status, body } = await server.ask('GET', '/apis/monitoring.coreos.com/v1');
    const known = status === 200 ? listAt(parseJson(body), 'resources') : [];
    if (known.some((one) => name.startsWith(`${textAt(one, 'name')}.`))) return;
    await wait(100);
  }
  throw new Error(`The API server does not serve ${name}.`);
}
