// SPDX-License-Identifier: Apache-2.0
// A dashboard's panels and variables as Grafana would ask Prometheus for them.
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import { at, listAt, parseJson, textAt } from '../../test/host/checked-json.ts';

export interface ShownQuery {
  readonly refId: string;
  readonly expr: string;
  readonly legend: string;
  /** The unit of the panel or of the table's column; undefined: the value is not shown. */
  readonly unit: string | undefined;
  readonly heading: string | undefined;
  /** Grafana queries only the end of the shown time. */
  readonly instant: boolean;
}

export interface ShownPanel {
  readonly type: 'row' | 'stat' | 'table' | 'timeseries' | 'heatmap';
  readonly title: string;
  readonly tells: string;
  readonly place: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly queries: readonly ShownQuery[];
}

/** Everything but rows. */
export function panelsOf(dashboard: Dashboard): readonly ShownPanel[] {
  return allPanels(dashboard).filter(({ type }) => type !== 'row');
}

export function allPanels(dashboard: Dashboard): readonly ShownPanel[] {
  // Grafana reads the JSON.
  return listAt(parseJson(JSON.stringify(dashboard)), 'panels').map(shownPanel);
}

function shownPanel(panel: unknown): ShownPanel {
  const type = textAt(panel, 'type');
  if (type !== 'row' && type !== 'stat' && type !== 'table' && type !== 'timeseries' && type !== 'heatmap') {
    throw new Error(`A panel of type ${type} cannot be shown.`);
  }
  const targets = type === 'row' ? [] : listAt(panel, 'targets');
  return {
    type,
    title: textAt(panel, 'title'),
    tells: type === 'row' ? '' : textAt(panel, 'description'),
    place: placeOf(at(panel, 'gridPos')),
    queries: targets.map((target) => shownQuery(panel, target, targets.length)),
  };
}

function shownQuery(panel: unknown, target: unknown, of: number): ShownQuery {
  const field = of === 1 ? 'Value' : `Value #${textAt(target, 'refId')}`;
  const overrides = listAt(at(panel, 'fieldConfig', 'overrides') ?? []);
  const own = overrides.find((override) => at(override, 'matcher', 'options') === field);
  const property = (id: string): string | undefined => {
    const found = listAt(at(own, 'properties') ?? []).find((candidate) => at(candidate, 'id') === id);
    return found === undefined ? undefined : String(at(found, 'value'));
  };
  const legend = at(target, 'legendFormat');
  const ofPanel = at(panel, 'options', 'yAxis', 'unit') ?? at(panel, 'fieldConfig', 'defaults', 'unit');
  return {
    refId: textAt(target, 'refId'),
    expr: textAt(target, 'expr'),
    legend: typeof legend === 'string' ? legend : '',
    unit: typeof ofPanel === 'string' ? ofPanel : property('unit'),
    heading: property('displayName'),
    instant: at(target, 'instant') === true,
  };
}

function placeOf(place: unknown): ShownPanel['place'] {
  const number = (key: string): number => Number(at(place, key));
  return { x: number('x'), y: number('y'), w: number('w'), h: number('h') };
}

/** Queries of what is marked on the time axis. */
export function marksOf(dashboard: Dashboard): readonly { readonly expr: string; readonly color: string }[] {
  const marks = listAt(at(parseJson(JSON.stringify(dashboard)), 'annotations', 'list') ?? []);
  return marks.map((mark) => ({ expr: textAt(mark, 'target', 'expr'), color: textAt(mark, 'iconColor') }));
}

export interface ShownVariable {
  readonly name: string;
  readonly query: string;
  readonly regex: string | undefined;
}

export function variablesOf(dashboard: Dashboard): readonly ShownVariable[] {
  const variables = listAt(parseJson(JSON.stringify(dashboard)), 'templating', 'list');
  return variables
    .filter((variable) => at(variable, 'type') === 'query')
    .map((variable) => {
      const regex = at(variable, 'regex');
      return {
        name: textAt(variable, 'name'),
        query: textAt(variable, 'query', 'query'),
        regex: typeof regex === 'string' ? regex : undefined,
      };
    });
}

/** Puts values in the place of $name, ${name} and ${name:raw}. */
export function filledIn(text: string, values: Readonly<Record<string, string>>): string {
  return text.replace(/\$(?:\{(\w+)(?::raw)?\}|(\w+))/g, (whole, braced?: string, plain?: string) => {
    const name = braced ?? plain ?? '';
    // $1 is a group of label_replace.
    if (/^\d+$/.test(name)) return whole;
    const value = values[name];
    if (value === undefined) throw new Error(`There is no value for ${whole} in ${text}.`);
    return value;
  });
}
