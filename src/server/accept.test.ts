// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { acceptsGzip, negotiateFormat } from './accept.ts';

const prometheus2 =
  'application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1';
const prometheus3 =
  'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2';
const protobuf = 'application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited';
const prometheus2Native = `${protobuf},application/openmetrics-text;version=1.0.0;q=0.8,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1`;
const telegraf = `${protobuf};q=0.7,text/plain;version=0.0.4;q=0.3`;
const prometheus3Protobuf = `application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.7,${prometheus3}`;
const browser = 'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8';

for (const [accept, format] of [
  [undefined, 'text'],
  ['', 'text'],
  ['*/*', 'text'],
  [browser, 'text'],
  ['text/plain', 'text'],
  ['text/plain;version=0.0.4', 'text'],
  ['application/json', 'text'],
  [prometheus2, 'openmetrics'],
  [prometheus3, 'openmetrics'],
  [prometheus3Protobuf, 'protobuf'],
  [prometheus2Native, 'protobuf'],
  [telegraf, 'protobuf'],
  [protobuf, 'protobuf'],
  ['Application/vnd.google.protobuf; Encoding="delimited"; proto="io.prometheus.client.MetricFamily"', 'protobuf'],
  [`${protobuf};q=0.5,text/plain;q=0.5`, 'text'],
  [`${protobuf};q=0.5,application/openmetrics-text;q=0.5`, 'openmetrics'],
  [`${protobuf};q=0.4,text/plain;q=0.5`, 'text'],
  [`${protobuf};q=0,application/openmetrics-text;q=0.1`, 'openmetrics'],
  [`${protobuf};q=0`, 'text'],
  [`${protobuf};q=high,text/plain;q=0.1`, 'text'],
  ['application/vnd.google.protobuf', 'text'],
  ['application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily', 'text'],
  ['application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=compact-text', 'text'],
  ['application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=text,text/plain;q=0.2', 'text'],
  ['application/vnd.google.protobuf;proto=io.prometheus.write.v2.Request;encoding=delimited', 'text'],
  ['application/x-protobuf', 'text'],
  ['application/openmetrics-text', 'openmetrics'],
  ['application/openmetrics-text; version=1.0.0; charset=utf-8', 'openmetrics'],
  ['Application/OpenMetrics-Text;Version="1.0.0";Q=0.9', 'openmetrics'],
  ['application/openmetrics-text;version=0.0.1', 'text'],
  ['application/openmetrics-text;version=0.0.1,*/*;q=0.1', 'text'],
  ['application/openmetrics-text;q=0', 'text'],
  ['application/openmetrics-text;q=0,*/*', 'text'],
  ['application/openmetrics-text;q=0.4,text/plain;q=0.5', 'text'],
  ['application/openmetrics-text;q=0.5,text/plain;q=0.5', 'text'],
  ['application/openmetrics-text;q=0.501,text/plain;q=0.5', 'openmetrics'],
  ['text/plain;q=0.5, application/openmetrics-text;q=0.8', 'openmetrics'],
  ['text/plain;version=1.0.0,application/openmetrics-text;q=0.1', 'openmetrics'],
  ['application/openmetrics-text;version=1.0.0;q=0.2,application/openmetrics-text;q=0.9,text/plain;q=0.5', 'text'],
  ['application/*;q=0.9,text/*;q=0.2', 'openmetrics'],
  ['application/*,text/plain;q=0.3,*/*', 'openmetrics'],
  ['application/openmetrics-text;q=high,text/plain;q=0.1', 'text'],
  ['application/openmetrics-text;q=2,text/plain;q=0.1', 'text'],
  [',,;;=,"', 'text'],
] as const) {
  test(`Accept: ${accept} gets ${format}`, () => assert.equal(negotiateFormat(accept), format));
}

for (const [acceptEncoding, gzip] of [
  [undefined, false],
  ['', false],
  ['gzip', true],
  ['GZIP', true],
  ['deflate, gzip;q=1.0, *;q=0.5', true],
  ['br', false],
  ['identity', false],
  ['gzip;q=0', false],
  ['gzip;q=0, *', false],
  ['*', true],
  ['*;q=0', false],
  ['x-gzip', true],
] as const) {
  test(`Accept-Encoding: ${acceptEncoding} is ${gzip ? '' : 'not '}compressed`, () => {
    assert.equal(acceptsGzip(acceptEncoding), gzip);
  });
}
