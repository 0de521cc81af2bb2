// SPDX-License-Identifier: Apache-2.0
// Attributes in OTLP's JSON. Those of the catalogue keep their names; where OpenTelemetry has a name of its own for one, it is added.
import { createHash } from 'node:crypto';
import { escapedName } from '../../snapshot/visible.ts';
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
  return `{"key":${JSON.stringify(key)},"value":{"stringValue":${JSON.stringify(escapedName(value))}}}`;
}

/** The agent that sends it. */
export interface Sender {
  readonly version: string;
  readonly hostName: string;
  /** '': unknown. */
  readonly hostId: string;
}

/** `{"resource":…,"scope…":[{"scope":…` of a request; `kind`: its word for what is in it. */
export function renderSender({ version, hostName, hostId }: Sender, kind: 'Metrics' | 'Logs', items: string): string {
  const resource = renderAttributes([
    ['service.name', 'tapscope'],
    ['service.version', version],
    ['service.instance.id', uuidOf(hostId || hostName)],
    ['host.name', hostName],
    ['host.id', hostId],
    ['os.type', 'linux'],
  ]);
  const field = kind === 'Metrics' ? 'metrics' : 'logRecords';
  const scope = `{"name":"tapscope","version":${JSON.stringify(version)}}`;
  return `{"resource${kind}":[{"resource":{"attributes":[${resource}]},"scope${kind}":[{"scope":${scope},"${field}":[${items}]}]}]}`;
}

/** OpenTelemetry's namespace for ids of service instances that follow from a machine id. */
const INSTANCES = Buffer.from('4d63009a8d0f11eeaad74c796ed8e320', 'hex');

/** UUID of version 5 (RFC 9562): the same after each start, and of no other host. */
function uuidOf(name: string): string {
  const bytes = createHash('sha1').update(INSTANCES).update(name).digest().subarray(0, 16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x50;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

/** A macvtap works the other way round: what the host's interface receives goes to the guest. */
const RECEIVED = /^tapscope_(receive|vhost_receive|zerocopy|macvtap_(offered|dropped|delivered))_/;
const SENT =
  /^tapscope_(queue|ring|qdisc|vhost_held|vhost_batch|device_(transmit|other_dropped|unseen)|macvtap_receive)_/;

/** `network.io.direction` of what counts packets or bytes one way, as the host's interface sees it; '': neither. */
export function directionOf(name: string): string {
  if (!/_(packets|bytes)(_total)?$/.test(name)) return '';
  if (RECEIVED.test(name)) return 'receive';
  return SENT.test(name) ? 'transmit' : '';
}

/** Unix time in seconds as OTLP has it: nanoseconds, more than a number can hold. */
export function nanoseconds(seconds: number): string {
  return String(BigInt(Math.round(seconds * 1e6)) * 1000n);
}
