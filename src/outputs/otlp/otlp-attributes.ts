// SPDX-License-Identifier: Apache-2.0
// Attributes in OTLP's JSON. Those of the catalogue keep their names; where OpenTelemetry has a name of its own for one, it is added.
import type { Metric } from '../../snapshot/metric.ts';
import type { Labels } from '../prometheus/text.ts';

/** Semantic conventions: the attribute that says the same as the label. */
const conventions: Readonly<Record<string, string>> = {
  device: 'network.interface.name',
  reason: 'error.type',
  errno: 'error.type',
};

/** `{"key":…},{"key":…}`; one without a value is left out, as an empty label is no label. */
export function renderAttributes(labels: Labels): string {
  return labels
    .filter(([, value]) => value !== '')
    .flatMap(([name, value]) => {
      const convention = conventions[name];
      return [attribute(name, value), ...(convention === undefined ? [] : [attribute(convention, value)])];
    })
    .join(',');
}

function attribute(key: string, value: string): string {
  return `{"key":${JSON.stringify(key)},"value":{"stringValue":${JSON.stringify(value)}}}`;
}

/** The agent that sends it. */
export interface Sender {
  readonly version: string;
  readonly hostName: string;
  /** '': unknown. */
  readonly hostId: string;
  /** A UUID, the same after each start. */
  readonly instanceId: string;
}

/** `{"resource":…,"scope…":[{"scope":…` of a request; `kind`: its word for what is in it. */
export function renderSender(
  { version, hostName, hostId, instanceId }: Sender,
  kind: 'Metrics' | 'Logs',
  items: string,
): string {
  const resource = renderAttributes([
    ['service.name', 'tapscope'],
    ['service.version', version],
    ['service.instance.id', instanceId],
    ['host.name', hostName],
    ['host.id', hostId],
    ['os.type', 'linux'],
  ]);
  const field = kind === 'Metrics' ? 'metrics' : 'logRecords';
  const scope = `{"name":"tapscope","version":${JSON.stringify(version)}}`;
  return `{"resource${kind}":[{"resource":{"attributes":[${resource}]},"scope${kind}":[{"scope":${scope},"${field}":[${items}]}]}]}`;
}

/** `network.io.direction` of what counts packets or bytes one way; '': it does not. */
export function directionOf({ name, direction }: Pick<Metric<never>, 'name' | 'direction'>): string {
  return /_(packets|bytes)(_total)?$/.test(name) ? (direction ?? '') : '';
}

/** Unix time in seconds as OTLP has it: nanoseconds, more than a number can hold. */
export function nanoseconds(seconds: number): string {
  return String(BigInt(Math.round(seconds * 1e6)) * 1000n);
}
