// SPDX-License-Identifier: Apache-2.0
// Needs: chromium, pngquant.
// The page of the pictures fits Grafana's packages, and the dashboards' JSON the newest types of Grafana's dashboards and panels.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { asJson, written } from '../dashboard-files.ts';
import { installed, installGrafana } from './board-picture.ts';

const TSC = join(import.meta.dirname, '../../node_modules/typescript/bin/tsc');
const FLAGS =
  '--ignoreConfig --noEmit --strict --skipLibCheck --module esnext --moduleResolution bundler --types'.split(' ');
const CHECKED = 'checked';

/** Errors of tsc in the folder with Grafana's packages; '' if there is none. */
function typeErrors(...args: readonly string[]): string {
  try {
    return execFileSync(process.execPath, [TSC, ...args], { cwd: installed, encoding: 'utf8', stdio: 'pipe' });
  } catch (error) {
    return String(Reflect.get(Object(error), 'stdout'));
  }
}

/** JSON as a program that says it is a dashboard. Enums of strings are strings in JSON; a target is its data source's affair. */
function program(json: string): string {
  return `import type { AnnotationQuery, DataQuery, Dashboard, Panel, RowPanel, VariableModel } from '@grafana/schema';
type Json<T> = T extends string ? \`\${T}\` : T extends readonly (infer U)[] ? Json<U>[]
  : T extends object ? { [K in keyof T]: Json<T[K]> } : T;
type Mark = Omit<AnnotationQuery, 'target'> & { target: DataQuery & Record<string, unknown> } &
  { titleFormat?: string; textFormat?: string; tagKeys?: string };
// The SDK writes for every variable what intervals have.
type Variable = VariableModel & { auto?: boolean; auto_min?: string; auto_count?: number };
type Board = Omit<Dashboard, 'panels' | 'annotations' | 'templating'> &
  { panels?: (Panel | RowPanel)[]; annotations?: { list?: Mark[] }; templating?: { list?: Variable[] } };
export const board: Json<Board> = ${json};
`;
}

test('the page of the pictures fits the packages of Grafana', () => {
  installGrafana();
  assert.equal(typeErrors('-p', 'pictures'), '');
});

test('the dashboards are what @grafana/schema calls a dashboard, and a dashboard with a fault is none', () => {
  installGrafana();
  mkdirSync(join(installed, CHECKED), { recursive: true });
  const files = written.map(({ name, dashboard }) => ({ name, text: asJson(dashboard) }));
  const right = asJson(written[0]?.dashboard ?? assert.fail());
  const faulty = { name: 'faulty', text: right.replace(/"schemaVersion": (\d+)/, '"schemaVersion": "$1"') };
  for (const { name, text } of [...files, faulty]) writeFileSync(join(installed, CHECKED, `${name}.ts`), program(text));
  const of = (name: string): string => join(CHECKED, `${name}.ts`);
  assert.equal(typeErrors(...FLAGS, '', ...files.map(({ name }) => of(name))), '');
  assert.match(typeErrors(...FLAGS, '', of('faulty')), /Type 'string' is not assignable to type 'number'/);
});
