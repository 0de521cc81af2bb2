// SPDX-License-Identifier: Apache-2.0
// The formats of a page: https://prometheus.io/docs/instrumenting/exposition_formats.
import { Registry } from 'prom-client';
import type { Framing } from './family.ts';
import { protobufFraming } from './protobuf.ts';
import { openMetricsFraming, textFraming } from './text.ts';

export type Format = 'text' | 'openmetrics' | 'protobuf';

export const contentTypes: Readonly<Record<Format, string>> = {
  text: Registry.PROMETHEUS_CONTENT_TYPE,
  openmetrics: Registry.OPENMETRICS_CONTENT_TYPE,
  protobuf: 'application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited',
};

export const framings: Readonly<Record<Format, Framing>> = {
  text: textFraming,
  openmetrics: openMetricsFraming,
  protobuf: protobufFraming,
};
