// SPDX-License-Identifier: Apache-2.0
// The fields of a frame with the units, colours, thresholds and links that the panel's JSON gives them.
import {
  applyFieldOverrides,
  type DataFrame,
  FieldConfigOptionsRegistry,
  type FieldConfigPropertyItem,
  type FieldConfigSource,
  type GrafanaTheme2,
  type PanelModel,
} from '@grafana/data';

const COMMON = ['unit', 'min', 'max', 'decimals', 'displayName', 'noValue', 'thresholds', 'mappings', 'links', 'color'];
/** Grafana's defaults for panels. */
const OF_TYPE: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  timeseries: {
    drawStyle: 'line',
    lineInterpolation: 'linear',
    lineWidth: 1,
    fillOpacity: 0,
    gradientMode: 'none',
    showPoints: 'auto',
    pointSize: 5,
    spanNulls: false,
    axisGridShow: true,
    thresholdsStyle: { mode: 'off' },
  },
  table: {
    align: 'auto',
    inspect: false,
    hideFrom: undefined,
    filterable: false,
    minWidth: undefined,
    width: undefined,
    cellOptions: { type: 'auto' },
  },
};

function item(path: string, isCustom: boolean): FieldConfigPropertyItem {
  return {
    id: isCustom ? `custom.${path}` : path,
    path,
    name: path,
    isCustom,
    editor: () => null,
    override: () => null,
    process: (value) => value,
    shouldApply: () => true,
  };
}

export function withFields(panel: PanelModel, frames: DataFrame[], theme: GrafanaTheme2): DataFrame[] {
  const custom = OF_TYPE[panel.type] ?? {};
  const registry = new FieldConfigOptionsRegistry(() => [
    ...COMMON.map((path) => item(path, false)),
    ...Object.keys(custom).map((path) => item(path, true)),
  ]);
  return applyFieldOverrides({
    data: frames,
    fieldConfig: fieldsOf(panel, custom),
    fieldConfigRegistry: registry,
    replaceVariables: (text) => text,
    theme,
    timeZone: 'utc',
  });
}

function fieldsOf({ type, fieldConfig }: PanelModel, custom: Readonly<Record<string, unknown>>): FieldConfigSource {
  const { defaults, overrides } = fieldConfig;
  const color = { mode: type === 'timeseries' ? 'palette-classic' : 'thresholds' };
  // JSON has no infinity: null stands for it.
  const steps = defaults.thresholds?.steps.map((step) => ({ ...step, value: step.value ?? Number.NEGATIVE_INFINITY }));
  const thresholds = {
    mode: defaults.thresholds?.mode ?? 'absolute',
    steps: steps ?? [{ value: Number.NEGATIVE_INFINITY, color: 'text' }],
  };
  const own = { color, ...defaults, thresholds, custom: { ...custom, ...defaults.custom } };
  return { defaults: structuredClone(own) as FieldConfigSource['defaults'], overrides: structuredClone(overrides) };
}
