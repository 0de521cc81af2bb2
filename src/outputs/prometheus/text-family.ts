// SPDX-License-Identifier: Apache-2.0
// The series of a metric as lines of the text formats.
import type { MetricRows, Visit } from './families.ts';
import type { Family } from './family.ts';
import type { OwnMetric } from './own-rows.ts';
import { createdPrefix, type SeriesCreated } from './series-created.ts';
import { seriesPrefix } from './series-owner.ts';
import { renderLabels, renderValue } from './text.ts';

/** `created`: with OpenMetrics' times of creation, each behind its series. */
export function textFamily({ metric, rows, visitRow, originOf }: MetricRows, created?: SeriesCreated): Family {
  const writer: Family['writer'] = (chunks) => {
    const visit: Visit = (owner, position, labels, value, suffix) => {
      const prefix = seriesPrefix(owner, metric, position, labels, suffix);
      chunks.line(prefix, renderValue(value));
      const start = created?.startOf(owner, metric);
      const name = start && createdPrefix(prefix, metric.name, metric.type);
      if (start && name) chunks.line(name, renderValue(start));
    };
    return (part) => visitRow(part, visit);
  };
  return { ...metric, parts: rows, writer, ...(originOf && { origin: originOf }) };
}

/** A family of prom-client's own; its declarations leave out the sample names of histograms and call `type` a number. */
export function ownTextFamily({ name, type, help, values }: OwnMetric, created?: SeriesCreated): Family {
  const writer: Family['writer'] = (chunks) => (part) => {
    const sample = values[part];
    if (sample === undefined) return;
    const sampleName = 'metricName' in sample ? String(sample.metricName) : name;
    const labels = renderLabels(Object.entries(sample.labels).map(([label, value]) => [label, String(value)]));
    const prefix = `${sampleName}${labels === '' ? '' : `{${labels}}`} `;
    chunks.line(prefix, renderValue(sample.value));
    const createdName = created && createdPrefix(prefix, name, String(type));
    if (createdName) chunks.line(createdName, renderValue(created.began));
  };
  return { name, type: String(type), help, parts: values.length, writer };
}
