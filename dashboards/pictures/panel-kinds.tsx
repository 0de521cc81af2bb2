// SPDX-License-Identifier: Apache-2.0
// The inside of a panel by its type, drawn by Grafana's components.
import {
  cacheFieldDisplayNames,
  type DataFrame,
  dateTime,
  type GrafanaTheme2,
  getDisplayValueAlignmentFactors,
  getFieldDisplayValues,
  type PanelModel,
  type TimeRange,
  VizOrientation,
} from '@grafana/data';
import { BigValue, TimeSeries, VizRepeater } from '@grafana/ui';
import { TableNG } from '@grafana/ui/unstable';
import type { ReactNode } from 'react';
import type { BoardData, Mark } from './board-data.ts';
import { withFields } from './fields.ts';
import { Heatmap } from './heatmap.tsx';
import { markHook } from './mark-lines.ts';

interface Inside {
  readonly panel: PanelModel;
  readonly frames: DataFrame[];
  readonly theme: GrafanaTheme2;
  readonly span: BoardData['span'];
  readonly marks: readonly Mark[];
  readonly width: number;
  readonly height: number;
}

export function InsideOf(inside: Inside): ReactNode {
  switch (inside.panel.type) {
    case 'timeseries':
      return <Lines {...inside} />;
    case 'stat':
      return <Stat {...inside} />;
    case 'table':
      return <Table {...inside} />;
    case 'heatmap':
      return <Heatmap {...inside} range={rangeOf(inside.span)} />;
    default:
      throw new Error(`No component of Grafana for a panel of type ${inside.panel.type}.`);
  }
}

function Lines({ panel, frames, theme, span, marks, width, height }: Inside): ReactNode {
  return (
    <TimeSeries
      frames={withFields(panel, frames, theme)}
      width={width}
      height={height}
      timeRange={rangeOf(span)}
      timeZone="utc"
      legend={panel.options.legend}
    >
      {(config) => {
        config.addHook('draw', markHook(marks, theme));
        return null;
      }}
    </TimeSeries>
  );
}

function Stat({ panel, frames, theme, width, height }: Inside): ReactNode {
  const { options } = panel;
  const data = withFields(panel, frames, theme);
  const values = getFieldDisplayValues({
    data,
    fieldConfig: { defaults: {}, overrides: [] },
    reduceOptions: options.reduceOptions,
    replaceVariables: (text) => text,
    theme,
    timeZone: 'utc',
  });
  return (
    <VizRepeater
      source={data}
      getValues={() => values}
      getAlignmentFactors={getDisplayValueAlignmentFactors}
      renderCounter={0}
      width={width}
      height={height}
      orientation={VizOrientation.Auto}
      autoGrid
      renderValue={({ value, count, ...size }) => (
        <BigValue
          {...size}
          value={value.display}
          count={count}
          theme={theme}
          colorMode={options.colorMode}
          graphMode={options.graphMode}
          justifyMode={options.justifyMode}
          textMode={options.textMode}
          disableWideLayout={!options.wideLayout}
        />
      )}
    />
  );
}

function Table({ panel, frames, theme, width, height }: Inside): ReactNode {
  const [data] = withFields(panel, frames, theme);
  if (data === undefined) return null;
  cacheFieldDisplayNames([data]);
  return (
    <TableNG
      data={data}
      width={width}
      height={height}
      columnMinWidth={panel.fieldConfig.defaults.custom?.minWidth}
      cellHeight={panel.options.cellHeight}
      sortBy={panel.options.sortBy ?? []}
      enableVirtualization={false}
      transparent={false}
    />
  );
}

function rangeOf({ from, to }: BoardData['span']): TimeRange {
  const [start, end] = [dateTime(1000 * from), dateTime(1000 * to)];
  return { from: start, to: end, raw: { from: start, to: end } };
}
