// SPDX-License-Identifier: Apache-2.0
// Answers of Prometheus as the data frames that Grafana's Prometheus data source makes of them.
import {
  type DataFrame,
  FieldType,
  type PanelModel,
  standardTransformers,
  standardTransformersRegistry,
  toDataFrame,
  transformDataFrame,
} from '@grafana/data';
import { firstValueFrom } from 'rxjs';
import type { TargetAnswer } from './board-data.ts';

const { mergeTransformer, organizeFieldsTransformer } = standardTransformers;
standardTransformersRegistry.setInit(() =>
  [mergeTransformer, organizeFieldsTransformer].map(({ id, name }) => ({
    id,
    name,
    description: '',
    editor: () => null,
    imageDark: '',
    imageLight: '',
    transformation: () => Promise.resolve(id === 'merge' ? mergeTransformer : organizeFieldsTransformer),
  })),
);

export function graphFrames(answers: readonly TargetAnswer[]): DataFrame[] {
  return answers.flatMap(({ refId, legend, series }) =>
    series.map(({ labels, points }) =>
      toDataFrame({
        refId,
        fields: [
          { name: 'Time', type: FieldType.time, config: {}, values: points.map(([time]) => 1000 * time) },
          {
            name: 'Value',
            type: FieldType.number,
            labels,
            config: { displayNameFromDS: withLabels(legend, labels) },
            values: points.map(([, value]) => (Number.isFinite(value) ? value : null)),
          },
        ],
      }),
    ),
  );
}

/** The table's data after the panel's transformations. */
export async function tableFrame(panel: PanelModel, answers: readonly TargetAnswer[]): Promise<DataFrame | undefined> {
  const frames = answers.map((answer) => oneTable(answer, answers.length > 1));
  const context = { interpolate: (text: string) => text };
  const [frame] = await firstValueFrom(transformDataFrame([...(panel.transformations ?? [])], frames, context));
  return frame;
}

function oneTable({ refId, series }: TargetAnswer, isOfSeveral: boolean): DataFrame {
  const labels = [...new Set(series.flatMap((one) => Object.keys(one.labels)))].sort();
  return toDataFrame({
    refId,
    fields: [
      {
        name: 'Time',
        type: FieldType.time,
        config: {},
        values: series.map(({ points }) => 1000 * (points[0]?.[0] ?? 0)),
      },
      ...labels.map((name) => ({
        name,
        type: FieldType.string,
        config: { filterable: true },
        values: series.map((one) => one.labels[name] ?? ''),
      })),
      {
        name: isOfSeveral ? `Value #${refId}` : 'Value',
        type: FieldType.number,
        config: {},
        values: series.map(({ points }) => points[0]?.[1] ?? null),
      },
    ],
  });
}

function withLabels(legend: string, labels: Readonly<Record<string, string>>): string {
  return legend.replace(/\{\{(\w+)\}\}/g, (_, label: string) => labels[label] ?? '');
}
